/** A plain consumer: one effect in a transaction of its own, then the acknowledgement. */
import { connect } from 'amqplib';
import pg from 'pg';
import { createArrivals } from '../messaging/arrivals.ts';
import type { AmqplibSettings } from '../messaging/plain-amqplib.ts';
import { INSERT_EFFECT, type Parcel } from '../messaging/traffic.ts';
import { runProgram } from '../program.ts';
import { declareQueue } from './amqplib-queue.ts';

await runProgram(async ({ uri, url, queue }: AmqplibSettings) => {
  const pool = new pg.Pool({ connectionString: uri, max: 8 });
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  const arrivals = createArrivals();
  await declareQueue(channel, queue);
  await channel.prefetch(64);

  async function take(body: Buffer): Promise<void> {
    const { n, key } = JSON.parse(body.toString()) as Parcel;
    arrivals.entered(n);
    await pool.query({ name: 'effect', text: INSERT_EFFECT, values: [n, key] });
    arrivals.committed(n);
  }

  return {
    commands: {
      begin: async () => {
        await channel.consume(queue, (message) => {
          if (message) void take(message.content).then(() => channel.ack(message));
        });
      },
      ...arrivals.commands,
    },
    close: async () => {
      await connection.close();
      await pool.end();
    },
  };
});

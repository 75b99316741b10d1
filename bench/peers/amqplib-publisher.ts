/** amqplib as its manual has it: a confirm channel. The business rows are committed before anything is published. */
import { connect } from 'amqplib';
import pg from 'pg';
import type { AmqplibSettings } from '../messaging/plain-amqplib.ts';
import { type Publish, publishingCommands } from '../messaging/publishing.ts';
import { INSERT_BUSINESS, type Parcel } from '../messaging/traffic.ts';
import { runProgram } from '../program.ts';
import { declareQueue } from './amqplib-queue.ts';

await runProgram(async ({ uri, url, queue }: AmqplibSettings) => {
  const pool = new pg.Pool({ connectionString: uri, max: 16 });
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  await declareQueue(channel, queue);

  function send(parcel: Parcel): Promise<void> {
    return new Promise((resolve, reject) => {
      const body = Buffer.from(JSON.stringify(parcel));
      channel.sendToQueue(queue, body, { persistent: true, mandatory: true }, (error: Error | null) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  const publish: Publish = async (parcels) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      for (const { n, key, note } of parcels)
        await client.query({ name: 'business', text: INSERT_BUSINESS, values: [n, key, note] });
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    await Promise.all(parcels.map(send));
  };

  return {
    commands: { begin: async () => undefined, ...publishingCommands(publish) },
    close: async () => {
      await connection.close();
      await pool.end();
    },
  };
});

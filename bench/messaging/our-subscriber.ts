/** A service that subscribes: inbox row and effect in one transaction. Every option has its default. */
import { createConsumer, on } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { runProgram } from '../program.ts';
import { createArrivals } from './arrivals.ts';
import { type OurSettings, openTransport } from './our-transport.ts';
import { parcelSent } from './parcel-message.ts';
import { INSERT_EFFECT } from './traffic.ts';

await runProgram(async (settings: OurSettings) => {
  const base = { logger: silentLogger, metrics: createMetrics() };
  const db = createDatabase({ uri: settings.serviceUri, applicationName: 'subscriber' });
  const transport = openTransport(settings, base);
  const arrivals = createArrivals();
  const consumer = createConsumer({
    name: settings.queue,
    db,
    transport,
    ...base,
    handlers: [
      on(parcelSent, async ({ data }, tx) => {
        arrivals.entered(data.n);
        await tx.query(INSERT_EFFECT, [data.n, data.key]);
        tx.afterCommit(() => arrivals.committed(data.n));
      }),
    ],
  });
  return {
    commands: { begin: consumer.start, ...arrivals.commands },
    close: async () => {
      await consumer.close();
      await transport.close();
      await db.close();
    },
  };
});

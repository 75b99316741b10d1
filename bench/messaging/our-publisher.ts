/** A service that publishes: business rows, outbox and relay in one process. */
import { createOutbox, createRelay } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { runProgram } from '../program.ts';
import { type OurSettings, openTransport } from './our-transport.ts';
import { parcelSent } from './parcel-message.ts';
import { publishingCommands } from './publishing.ts';
import { INSERT_BUSINESS } from './traffic.ts';

await runProgram(async (settings: OurSettings) => {
  const base = { logger: silentLogger, metrics: createMetrics() };
  // An open loop that falls behind waits for a connection; it does not fail.
  const pool = { maxConnections: 16, acquireTimeoutMs: 60_000 };
  const db = createDatabase({ uri: settings.serviceUri, applicationName: 'publisher', ...pool });
  const transport = openTransport(settings, base);
  const relay = createRelay({ db, transport, ...base });
  const outbox = createOutbox({ source: 'publisher', onCommit: relay.nudge });
  return {
    commands: {
      begin: async () => relay.start(),
      ...publishingCommands((parcels) =>
        db.transaction(async (tx) => {
          for (const parcel of parcels) {
            await tx.query(INSERT_BUSINESS, [parcel.n, parcel.key, parcel.note]);
            await outbox.publish(tx, parcelSent, parcel);
          }
        }),
      ),
    },
    close: async () => {
      await relay.close();
      await transport.close();
      await db.close();
    },
  };
});

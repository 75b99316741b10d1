/** A service whose aggregates are event-sourced: appends, and an asynchronous read model in the same process. */
import {
  createEventStore,
  createProjectionRunner,
  type DomainEvent,
  defineCategory,
  defineEvent,
  defineProjection,
} from '@flotilla/event-store';
import * as s from '@flotilla/kernel/schema';
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createArrivals } from '../messaging/arrivals.ts';
import { publishingCommands } from '../messaging/publishing.ts';
import { runProgram } from '../program.ts';

type ParcelEvent = DomainEvent<'sent', { readonly n: number; readonly note: string }>;

const category = defineCategory<ParcelEvent>('parcel', {
  sent: defineEvent({ type: 'sent', schema: s.object({ n: s.integer(), note: s.string() }) }),
});

/** One row a stream, as a list in a user interface has it. */
const RECORD = `INSERT INTO parcel_view AS v VALUES ($1, $2, $3) ON CONFLICT (generation, stream_id)
  DO UPDATE SET last_n = excluded.last_n`;

await runProgram(async ({ uri }: { readonly uri: string }) => {
  const pool = { maxConnections: 20, acquireTimeoutMs: 60_000 };
  const db = createDatabase({ uri, applicationName: 'event-store', ...pool });
  const arrivals = createArrivals();
  const view = defineProjection<ParcelEvent>({
    name: 'parcel_view',
    version: 1,
    categories: [category],
    tables: ['parcel_view'],
    handle: async (tx, { streamId, data: { n } }, { generation }) => {
      await tx.query(RECORD, [generation, streamId, n]);
      // What counts is when a reader can see it.
      tx.afterCommit(() => {
        arrivals.entered(n);
        arrivals.committed(n);
      });
    },
  });
  const base = { projections: [view], logger: silentLogger, metrics: createMetrics() };
  const runner = createProjectionRunner({ db, ...base });
  const store = createEventStore({ projections: [view], onCommit: runner.nudge });
  return {
    commands: {
      begin: async () => runner.start(),
      ...arrivals.commands,
      ...publishingCommands(async (parcels) => {
        const [first] = parcels;
        if (first === undefined) return;
        const events = parcels.map(({ n, note }): ParcelEvent => ({ type: 'sent', data: { n, note } }));
        await db.transaction((tx) => store.append(tx, category.stream(first.key), events, { expect: 'any' }));
      }),
    },
    close: async () => {
      await runner.close();
      await db.close();
    },
  };
});

import { join } from 'node:path';
import { busMigrations, inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import type { PostgresServer } from '../postgres-server.ts';
import type { Contender } from './contender.ts';
import type { OurSettings } from './our-transport.ts';
import { BUSINESS_TABLE, EFFECT_TABLE } from './traffic.ts';

const programs = import.meta.dirname;

/** Two services with a database each, and the bus in a third; every option has its default. */
export const flotillaOnPostgres: Contender = {
  name: 'Flotilla, PostgreSQL',
  ours: true,
  prepare: async (server, round) => {
    const [publisher, subscriber, bus] = [`publisher_${round}`, `subscriber_${round}`, `bus_${round}`];
    const publisherUri = await server.database(publisher, [outboxMigrations]);
    const subscriberUri = await server.database(subscriber, [inboxMigrations]);
    await server.database(bus, [busMigrations], [publisher, subscriber]);
    await server.sql(publisher, `${BUSINESS_TABLE}; ${grant('business', publisher)}`);
    await server.sql(subscriber, `${EFFECT_TABLE}; ${grant('effect', subscriber)}`);
    const settings = (serviceUri: string, role: string): OurSettings => ({
      serviceUri,
      busUri: server.uriFor(bus, role),
      queue: subscriber,
    });
    return {
      publisher: { file: join(programs, 'our-publisher.ts'), settings: settings(publisherUri, publisher) },
      subscriber: { file: join(programs, 'our-subscriber.ts'), settings: settings(subscriberUri, subscriber) },
      databases: [publisher, subscriber, bus],
      effectDatabase: subscriber,
      fill: (backlog, rows) =>
        backlog === 'other-queue' ? fillOtherQueue(server, bus, rows) : fillHeld(server, subscriber, rows),
    };
  },
};

function grant(table: string, role: string): string {
  return `GRANT ALL ON ${table} TO ${role}`;
}

/** Of a consumer that is away. */
async function fillOtherQueue(server: PostgresServer, bus: string, rows: number): Promise<void> {
  await server.sql(
    bus,
    `SELECT bus.subscribe('away', ARRAY['bench.other.v1']);
     INSERT INTO bus.delivery (queue_id, shard, key, type, body)
     SELECT q.id, n % 16, 'away-' || n % 1000, 'bench.other.v1', repeat('x', 400)
     FROM bus.queue q, generate_series(1, ${rows}) AS n WHERE q.name = 'away'`,
  );
  await server.sql(bus, 'VACUUM ANALYZE bus.delivery');
}

/** Of the measured consumer, behind a thousand messages that failed and wait for another attempt. */
async function fillHeld(server: PostgresServer, subscriber: string, rows: number): Promise<void> {
  await server.sql(
    subscriber,
    `INSERT INTO inbox_held_key (consumer, key, due_at)
     SELECT '${subscriber}', 'held-' || n, now() + interval '1 hour' FROM generate_series(0, 999) AS n;
     INSERT INTO inbox_held (consumer, key, message_id, type, body, enqueued_at, failures)
     SELECT '${subscriber}', 'held-' || n % 1000, gen_random_uuid(), 'bench.parcel-sent.v1', repeat('x', 400), now(),
       (n < 1000)::integer
     FROM generate_series(0, ${rows} - 1) AS n`,
  );
  await server.sql(subscriber, 'VACUUM ANALYZE inbox_held');
}

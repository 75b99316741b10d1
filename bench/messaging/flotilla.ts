import { join } from 'node:path';
import { busMigrations, inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import type { PostgresServer } from '../postgres-server.ts';
import type { Broker } from '../rabbitmq.ts';
import type { Contender, Prepared } from './contender.ts';
import type { OurSettings } from './our-transport.ts';
import { parcelSent } from './parcel-message.ts';
import { BUSINESS_TABLE, EFFECT_TABLE, KEYS, NOTE } from './traffic.ts';

const programs = import.meta.dirname;

/** Two services with a database each, and the bus in a third; every option has its default. */
export const flotillaOnPostgres: Contender = {
  name: 'Flotilla, PostgreSQL',
  ours: true,
  prepare: async (server, round) => {
    const services = await prepareServices(server, round);
    const { publisher, subscriber } = services;
    const bus = `bus_${round}`;
    await server.database(bus, [busMigrations], [publisher, subscriber]);
    return {
      ...programsOf(services, server.uriFor(bus, publisher), server.uriFor(bus, subscriber)),
      drop: () => server.drop([publisher, subscriber, bus]),
      fill: async (backlog, rows) => {
        if (backlog === 'other-queue') await fillOtherQueue(server, bus, rows);
        if (backlog === 'same-queue-waiting') await fillHeld(server, subscriber, rows);
        if (backlog === 'ready') await fillReady(server, bus, subscriber, rows);
      },
    };
  },
};

/** The same two services, and RabbitMQ between them: quorum queues, confirms. */
export function flotillaOnRabbitmq(broker: Broker): Contender {
  return {
    name: 'Flotilla, RabbitMQ',
    ours: true,
    prepare: async (server, round) => {
      const services = await prepareServices(server, round);
      const { publisher, subscriber } = services;
      const vhost = `bench-${process.pid}-${round}`;
      const url = await broker.vhost(vhost);
      return {
        ...programsOf(services, url, url),
        brokerPid: broker.pid,
        drop: async () => {
          await server.drop([publisher, subscriber]);
          await broker.dropVhost(vhost);
        },
      };
    },
  };
}

interface Services {
  readonly publisher: string;
  readonly subscriber: string;
  readonly publisherUri: string;
  readonly subscriberUri: string;
}

async function prepareServices(server: PostgresServer, round: number): Promise<Services> {
  const [publisher, subscriber] = [`publisher_${round}`, `subscriber_${round}`];
  const publisherUri = await server.database(publisher, [outboxMigrations]);
  const subscriberUri = await server.database(subscriber, [inboxMigrations]);
  await server.sql(publisher, `${BUSINESS_TABLE}; GRANT ALL ON business TO ${publisher}`);
  await server.sql(subscriber, `${EFFECT_TABLE}; GRANT ALL ON effect TO ${subscriber}`);
  return { publisher, subscriber, publisherUri, subscriberUri };
}

function programsOf(
  { subscriber, publisherUri, subscriberUri }: Services,
  publisherBus: string,
  subscriberBus: string,
): Pick<Prepared, 'publisher' | 'subscriber' | 'effectDatabase'> {
  const settings = (serviceUri: string, busUri: string): OurSettings => ({
    serviceUri,
    busUri,
    queue: subscriber,
  });
  return {
    publisher: { file: join(programs, 'our-publisher.ts'), settings: settings(publisherUri, publisherBus) },
    subscriber: {
      file: join(programs, 'our-subscriber.ts'),
      settings: settings(subscriberUri, subscriberBus),
    },
    effectDatabase: subscriber,
  };
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

/** Parcels that were published already. */
async function fillReady(server: PostgresServer, bus: string, queue: string, rows: number): Promise<void> {
  await server.sql(
    bus,
    `SELECT bus.subscribe('${queue}', ARRAY['${parcelSent.type}']);
     INSERT INTO bus.delivery (queue_id, shard, key, type, body)
     SELECT q.id, n % ${KEYS} % 16, 'order-' || n % ${KEYS}, '${parcelSent.type}', json_build_object(
       'specversion', '1.0', 'id', gen_random_uuid(), 'type', '${parcelSent.type}', 'source', 'publisher',
       'time', '2026-01-01T00:00:00.000Z', 'datacontenttype', 'application/json', 'partitionkey', 'order-' || n % ${KEYS},
       'data', json_build_object('n', n, 'key', 'order-' || n % ${KEYS}, 'note', '${NOTE}'))
     FROM bus.queue q, generate_series(0, ${rows} - 1) AS n`,
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

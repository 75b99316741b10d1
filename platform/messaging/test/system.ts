import * as s from '@flotilla/kernel/schema';
import { createDatabase, type Database } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createPostgresTransport, type PostgresTransportOptions } from '../src/bus/postgres-transport.ts';
import { shardOf } from '../src/bus/shard.ts';
import { type Consumer, type ConsumerOptions, createConsumer } from '../src/inbox/consumer.ts';
import { createDeadLetters, type DeadLetters } from '../src/inbox/dead-letters.ts';
import type { Handler } from '../src/inbox/handler.ts';
import { defineMessage } from '../src/message.ts';
import { busMigrations, inboxMigrations, outboxMigrations } from '../src/migrations.ts';
import { createOutbox, type Outbox } from '../src/outbox/outbox.ts';
import { createRelay, type Relay, type RelayOptions } from '../src/outbox/relay.ts';
import type { Transport } from '../src/transport.ts';

export const counted = defineMessage({
  type: 'test.counted.v1',
  description: 'A step of a sequence, for tests.',
  key: (data) => data.key,
  schema: s.object({ key: s.string(), n: s.integer() }),
});

/** One service database, one bus, and the means to make several relays and consumers on them. */
export interface TestSystem {
  readonly service: TestDatabase;
  readonly bus: TestDatabase;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  /** Publishes one message in its own transaction. */
  publish(key: string, n: number): Promise<string>;
  /** A transport with connections of its own, as another process would have. */
  transport(options?: Partial<PostgresTransportOptions>): Transport;
  /** A pool of its own on the service database. */
  pool(): Database;
  relay(transport: Transport, options?: Partial<RelayOptions>): Relay;
  consumer(
    transport: Transport,
    handlers: readonly Handler[],
    options?: Partial<ConsumerOptions>,
  ): Promise<Consumer>;
  close(): Promise<void>;
}

const QUICK = { pollIntervalMs: 50, leaseMs: 600 };

export async function createTestSystem(onCommit?: () => void): Promise<TestSystem> {
  const [service, bus] = await Promise.all([
    createTestDatabase([outboxMigrations, inboxMigrations]),
    createTestDatabase([busMigrations]),
  ]);
  await service.db.query('CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY, key text, n integer)');
  const outbox = createOutbox({ source: 'test', ...(onCommit && { onCommit }) });
  const base = { logger: silentLogger, metrics: createMetrics() };
  const started: { close(): Promise<void> }[] = [];
  const closeLater = <T extends { close(): Promise<void> }>(one: T): T => {
    started.push(one);
    return one;
  };

  return {
    service,
    bus,
    outbox,
    deadLetters: createDeadLetters(service.db),
    publish: (key, n) => service.db.transaction((tx) => outbox.publish(tx, counted, { key, n })),
    transport: (options) =>
      closeLater(createPostgresTransport({ uri: bus.uri, ...base, ...QUICK, ...options })),
    pool: () =>
      closeLater(
        createDatabase({ uri: service.uri, applicationName: 'test-process', acquireTimeoutMs: 30_000 }),
      ),
    relay: (transport, options) => {
      const relay = closeLater(createRelay({ db: service.db, transport, ...base, ...QUICK, ...options }));
      relay.start();
      return relay;
    },
    consumer: async (transport, handlers, options) => {
      const consumer = closeLater(
        createConsumer({
          ...{ name: 'test', db: service.db, transport, handlers, heldPollIntervalMs: 100 },
          ...base,
          ...options,
        }),
      );
      await consumer.start();
      return consumer;
    },
    close: async () => {
      for (const one of started.reverse()) await one.close();
      await Promise.all([service.close(), bus.close()]);
    },
  };
}

/** Another key of the same shard: what waits for the one is in the way of the other. */
export function neighbourOf(key: string): string {
  for (let n = 0; ; n += 1) if (shardOf(`n${n}`) === shardOf(key)) return `n${n}`;
}

/** What was done, in the order in which it was done. */
export async function effects(system: TestSystem): Promise<{ key: string; n: number }[]> {
  return await system.service.db.query('SELECT key, n FROM effect ORDER BY id');
}

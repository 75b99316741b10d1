import { type Clock, isPlatformError, systemClock, uuidv7 } from '@flotilla/kernel';
import { createDatabase, type Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { readDeadLetters } from './bus-queue.ts';
import { messagingError } from './errors.ts';
import { createNotifier } from './notifier.ts';
import { startPostgresReceiver } from './postgres-receiver.ts';
import { shardOf } from './shard.ts';
import type { OutgoingMessage, Refusal, Transport } from './transport.ts';

export interface PostgresTransportOptions {
  /** The database `bus`, with the role of this service: it may use the queues `<role>` and `<role>.<purpose>`. */
  readonly uri: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  /** Shown in `pg_stat_activity`. Default `bus`. */
  readonly applicationName?: string;
  /** Pooled connections at most; one more is used for notifications. Default 4. */
  readonly maxConnections?: number;
  /** How often a queue is looked at without a notification. Default 500 ms. */
  readonly pollIntervalMs?: number;
  /** After this long without a sign of life others take over; at once when the process has ended. Default 6,000 ms. */
  readonly leaseMs?: number;
}

/** The default transport: queues in a PostgreSQL database of their own. Connects lazily, reconnects by itself. */
export function createPostgresTransport(options: PostgresTransportOptions): Transport {
  const { uri, logger, clock = systemClock, pollIntervalMs = 500, leaseMs = 6_000 } = options;
  const db = createDatabase({
    uri,
    applicationName: options.applicationName ?? 'bus',
    maxConnections: options.maxConnections ?? 4,
    clock,
    onIdleError: (error) => logger.debug({ err: error }, 'an idle bus connection broke, it is replaced'),
  });
  const notifier = createNotifier(db, { owner: uuidv7(), clock, logger });
  const unrouted = options.metrics.counter(
    'messaging_unrouted_total',
    'Messages published that no queue subscribes to.',
  );

  async function store(messages: readonly OutgoingMessage[]): Promise<void> {
    const [published] = await db.query<{ queues: string[]; unrouted: number }>(
      'SELECT queues, unrouted FROM bus.publish($1::text[], $2::text[], $3::smallint[], $4::text[])',
      [
        messages.map((message) => message.type),
        messages.map((message) => message.key),
        messages.map((message) => shardOf(message.key)),
        messages.map((message) => message.body),
      ],
    );
    notifier.notify(published?.queues ?? []);
    unrouted.inc({}, published?.unrouted ?? 0);
  }

  return {
    subscribe: (queue, types) =>
      reach(async () => {
        await db.query('SELECT bus.subscribe($1, $2::text[])', [queue, types]);
      }),
    publish: async (messages) => {
      try {
        await reach(() => store(messages));
        return [];
      } catch (error) {
        if (!isDataError(error)) throw error;
        return await publishSingly(messages, (message) => reach(() => store([message])));
      }
    },
    receive: (queue, receive) =>
      startPostgresReceiver({ db, notifier, queue, receive, pollIntervalMs, leaseMs, clock, logger }),
    deadLetters: (queue, limit) => reach(() => readDeadLetters(db, queue, limit)),
    ping: () =>
      reach(async () => {
        await db.query('SELECT 1');
      }),
    close: () => closeAll(db, notifier),
  };
}

async function closeAll(db: Database, notifier: { close(): Promise<void> }): Promise<void> {
  await notifier.close();
  await db.close();
}

/** The statement was refused as a whole for one message in it: find out which. */
async function publishSingly(
  messages: readonly OutgoingMessage[],
  publish: (message: OutgoingMessage) => Promise<void>,
): Promise<readonly Refusal[]> {
  const refusals = new Map<string, Refusal>();
  for (const message of messages) {
    if (refusals.has(message.key)) continue;
    try {
      await publish(message);
    } catch (error) {
      if (!isDataError(error)) throw error;
      refusals.set(message.key, { id: message.id, reason: error.message });
    }
  }
  const refused = [...refusals.values()];
  const blocked = messages.filter(
    ({ id, key }) => refusals.has(key) && isAfter(messages, id, refusals.get(key)?.id),
  );
  return [
    ...refused,
    ...blocked.map(({ id }) => ({ id, reason: 'an earlier message of its key was refused' })),
  ];
}

function isAfter(messages: readonly OutgoingMessage[], id: string, refusedId: string | undefined): boolean {
  const place = (wanted: string | undefined) => messages.findIndex((message) => message.id === wanted);
  return place(id) > place(refusedId);
}

/** SQLSTATE classes 22, 23 and 54: the data itself was refused. */
function isDataError(error: unknown): error is Error {
  return isPlatformError(error) && /^(22|23|54)/.test(String(error.details['sqlState'] ?? ''));
}

/** Translates what the driver reports into the errors of messaging. */
async function reach<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isPlatformError(error)) throw error;
    if (error.details['sqlState'] === '42501') {
      throw messagingError('MESSAGING_FORBIDDEN', error.message, { cause: error });
    }
    if (!error.retryable) throw error;
    throw messagingError('MESSAGING_UNAVAILABLE', 'the bus cannot be reached', { cause: error });
  }
}

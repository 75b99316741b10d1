import {
  type Clock,
  crashPoint,
  isPlatformError,
  type Loop,
  startLoop,
  systemClock,
  uuidv7,
} from '@flotilla/kernel';
import { createDatabase, type Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { createBounds, headWithin, MAX_BATCH_BYTES } from '../batch-bounds.ts';
import { messagingError } from '../errors.ts';
import type { OutgoingMessage, Refusal, Transport } from '../transport.ts';
import { BACKLOG_INTERVAL_MS, type BacklogLimits, watchBacklogs } from './backlog-watch.ts';
import { watchNotices } from './notices.ts';
import { createNotifier } from './notifier.ts';
import { startPostgresReceiver } from './postgres-receiver.ts';
import { readBacklogs } from './queues.ts';
import { shardOf } from './shard.ts';

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
  /** How often a queue is looked at without a notification. Default 500 ms; at most 100 while none arrive. */
  readonly pollIntervalMs?: number;
  /** After this long without a sign of life others take over; at once when the process has ended. Default 6,000 ms. */
  readonly leaseMs?: number;
  /** When a queue, of whichever service, is worth a warning. */
  readonly backlogLimits?: BacklogLimits | undefined;
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
  const listenWorks = options.metrics.gauge(
    'messaging_listen_works',
    'Whether notifications of the bus arrive; else queues are polled more often.',
    [],
    '{state}',
  );
  const notifier = createNotifier(db, {
    ...{ owner: uuidv7(), clock, logger },
    onProbed: (works) => listenWorks.set(works ? 1 : 0),
  });
  const unrouted = options.metrics.counter(
    'messaging_unrouted_total',
    'Messages published that no queue subscribes to.',
    [],
    '{message}',
  );

  const observe = watchBacklogs({ limits: options.backlogLimits, metrics: options.metrics, logger });
  let meter: Loop | undefined;

  /** Whoever uses the bus measures all of it: a queue whose own service is gone is seen by the others. */
  function startMeter(): void {
    meter ??= startLoop({
      ...{ name: 'bus-metrics', intervalMs: BACKLOG_INTERVAL_MS, clock, logger },
      run: async () => {
        observe(await readBacklogs(db));
        return false;
      },
    });
  }

  const subscriptions = new Map<string, ReadonlySet<string>>();
  const publishing = createBounds({ messages: MAX_PUBLISH, bytes: MAX_BATCH_BYTES });

  async function store(messages: readonly OutgoingMessage[]): Promise<readonly Refusal[]> {
    crashPoint('bus.before-publish');
    const [published] = await db.query<{ queues: string[]; unrouted: number; refused: number[] }>(
      `SELECT queues, unrouted, refused
       FROM bus.publish($1::text[], $2::text[], $3::smallint[], $4::text[], $5::boolean[])`,
      [
        messages.map((message) => message.type),
        messages.map((message) => message.key),
        messages.map((message) => shardOf(message.key)),
        messages.map((message) => message.body),
        messages.map((message) => message.mandatory),
      ],
    );
    crashPoint('bus.after-publish');
    notifier.notify(published?.queues ?? []);
    unrouted.inc({}, published?.unrouted ?? 0);
    const refused = (published?.refused ?? []).flatMap((position) => messages[position - 1] ?? []);
    return withFollowers(refused, ({ type }) => `nobody subscribes to ${type}`);
  }

  async function declare(queue: string): Promise<void> {
    const types = [...(subscriptions.get(queue) ?? [])];
    await reach(() => db.query('SELECT bus.subscribe($1, $2::text[])', [queue, types]));
  }

  async function publishPart(messages: readonly OutgoingMessage[]): Promise<readonly Refusal[]> {
    try {
      return await reach(() => store(messages));
    } catch (error) {
      if (!isDataError(error)) throw error;
      return await publishSingly(messages, (message) => reach(() => store([message])));
    }
  }

  return {
    subscribe: async (queue, types) => {
      subscriptions.set(queue, new Set([...(subscriptions.get(queue) ?? []), ...types]));
      await declare(queue);
    },
    publish: async (messages) => {
      startMeter();
      const refusals: Refusal[] = [];
      const stopped = new Set<string>();
      for (let next = 0; next < messages.length; ) {
        const [part, refused] = await publishing(async (bounds) => {
          const head = headWithin(messages.slice(next), bounds);
          return [head, await publishPart(head.filter(({ key }) => !stopped.has(key)))] as const;
        });
        refusals.push(...refused);
        refusals.push(
          ...part.filter(({ key }) => stopped.has(key)).map(({ id }) => ({ id, reason: FOLLOWS })),
        );
        const ids = new Set(refused.map(({ id }) => id));
        for (const { id, key } of part) if (ids.has(id)) stopped.add(key);
        next += part.length;
      }
      return refusals;
    },
    receive: (queue, receive) => {
      startMeter();
      return startPostgresReceiver({
        declare: () => declare(queue),
        db,
        notifier,
        queue,
        receive,
        pollIntervalMs,
        leaseMs,
        clock,
        logger,
      });
    },
    watch: (watch) => watchNotices({ db, notifier, clock, logger }, watch),
    ping: () =>
      reach(async () => {
        await db.query('SELECT 1');
      }),
    close: async () => {
      await meter?.stop();
      await closeAll(db, notifier);
    },
  };
}

async function closeAll(db: Database, notifier: { close(): Promise<void> }): Promise<void> {
  await notifier.close();
  await db.close();
}

/** In one statement. */
const MAX_PUBLISH = 512;

const FOLLOWS = 'an earlier message of its key was refused';

/** Of each key the first is refused for what it is, the later ones because they must not overtake it. */
function withFollowers(
  refused: readonly OutgoingMessage[],
  reasonOf: (first: OutgoingMessage) => string,
): readonly Refusal[] {
  const seen = new Set<string>();
  return refused.map((message) => {
    const isFirst = !seen.has(message.key);
    seen.add(message.key);
    return { id: message.id, reason: isFirst ? reasonOf(message) : FOLLOWS };
  });
}

/** The statement was refused as a whole for one message in it: find out which. */
async function publishSingly(
  messages: readonly OutgoingMessage[],
  publish: (message: OutgoingMessage) => Promise<readonly Refusal[]>,
): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  const stopped = new Set<string>();
  for (const message of messages) {
    const refusal = stopped.has(message.key)
      ? { id: message.id, reason: FOLLOWS }
      : await publish(message).then(
          ([refused]) => refused,
          (error: unknown) => {
            if (!isDataError(error)) throw error;
            return { id: message.id, reason: error.message };
          },
        );
    if (!refusal) continue;
    refusals.push(refusal);
    stopped.add(message.key);
  }
  return refusals;
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
    if (!error.retryable || error.code === 'POSTGRES_TIMEOUT') throw error;
    throw messagingError('MESSAGING_UNAVAILABLE', 'the bus cannot be reached', { cause: error });
  }
}

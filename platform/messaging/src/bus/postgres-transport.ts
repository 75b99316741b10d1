import { type Clock, type Loop, startLoop, systemClock, uuidv7 } from '@flotilla/kernel';
import { createDatabase, type Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { Transport } from '../transport.ts';
import { BACKLOG_INTERVAL_MS, type BacklogLimits, watchBacklogs } from './backlog-watch.ts';
import { watchNotices } from './notices.ts';
import { createNotifier } from './notifier.ts';
import { createBusPublisher } from './postgres-publisher.ts';
import { startPostgresReceiver } from './postgres-receiver.ts';
import { readBacklogs } from './queues.ts';
import { reachBus } from './reach-bus.ts';

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
  /**
   * How often a queue is looked at without a notification. Default 500 ms; up to ten times as long while it is empty, at most 100 while no
   * notifications arrive.
   */
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
    ...{ channel: 'flotilla_bus', owner: uuidv7(), clock, logger },
    onProbed: (works) => listenWorks.set(works ? 1 : 0),
  });
  const publish = createBusPublisher({ db, notifier, metrics: options.metrics });
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

  async function declare(queue: string): Promise<void> {
    const types = [...(subscriptions.get(queue) ?? [])];
    await reachBus(() => db.query('SELECT bus.subscribe($1, $2::text[])', [queue, types]));
  }

  return {
    subscribe: async (queue, types) => {
      subscriptions.set(queue, new Set([...(subscriptions.get(queue) ?? []), ...types]));
      await declare(queue);
    },
    publish: (messages) => {
      startMeter();
      return publish(messages);
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
      reachBus(async () => {
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

import type { Logger, Metrics } from '@flotilla/telemetry';
import type { Backlog } from './queues.ts';

/** When somebody should look at a queue. Nothing is ever deleted for it. */
export interface BacklogLimits {
  /** Default 100,000. */
  readonly messages?: number | undefined;
  /** Age of the oldest message. Default 3,600 s. */
  readonly ageSeconds?: number | undefined;
}

export interface BacklogWatchOptions {
  readonly limits: BacklogLimits | undefined;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export const BACKLOG_INTERVAL_MS = 15_000;

/** Shows what waits in each queue, and warns once when one is neglected: nobody may be consuming it any more. */
export function watchBacklogs({
  limits,
  metrics,
  logger,
}: BacklogWatchOptions): (backlogs: readonly Backlog[]) => void {
  const { messages: maxMessages = 100_000, ageSeconds: maxAgeSeconds = 3_600 } = limits ?? {};
  const labels = ['queue'];
  const messages = metrics.gauge(
    'messaging_queue_backlog',
    'Messages in a queue of the bus; from 10,000 on the estimate of PostgreSQL.',
    labels,
    '{message}',
  );
  const age = metrics.gauge(
    'messaging_queue_oldest_age_seconds',
    'Age of the oldest message in a queue of the bus.',
    labels,
  );
  const neglected = metrics.gauge(
    'messaging_queue_neglected',
    'Whether a queue of the bus is longer, or its oldest message older, than somebody should look at.',
    labels,
    '{state}',
  );
  let known: ReadonlyMap<string, boolean> = new Map();

  function isNeglected({ messages: waiting, oldestAgeSeconds = 0 }: Backlog): boolean {
    return waiting >= maxMessages || oldestAgeSeconds >= maxAgeSeconds;
  }

  function show(backlog: Backlog): void {
    const { queue, oldestAgeSeconds } = backlog;
    messages.set(backlog.messages, { queue });
    if (oldestAgeSeconds !== undefined) age.set(oldestAgeSeconds, { queue });
    neglected.set(isNeglected(backlog) ? 1 : 0, { queue });
  }

  function warnOf({ queue, messages: waiting, oldestAgeSeconds }: Backlog): void {
    logger.warn(
      { queue, messages: waiting, oldestAgeSeconds },
      'a queue is neglected: its consumers are gone or too slow, `flotilla queue list` shows it',
    );
  }

  return (backlogs) => {
    const seen = new Map(backlogs.map((backlog) => [backlog.queue, isNeglected(backlog)]));
    for (const backlog of backlogs) {
      show(backlog);
      if (seen.get(backlog.queue) === true && known.get(backlog.queue) !== true) warnOf(backlog);
    }
    const dropped = [...known.keys()].filter((queue) => !seen.has(queue));
    for (const queue of dropped) for (const gauge of [messages, age, neglected]) gauge.set(0, { queue });
    known = seen;
  };
}

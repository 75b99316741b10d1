import type { Metrics } from '@flotilla/telemetry';
import type { HeldStatistics } from './held-messages.ts';

/** As the statement of the store counts. */
const MAX_COUNTED = 100_000;

export function inboxMetrics(
  metrics: Metrics,
  consumer: string,
): { observe(statistics: HeldStatistics): void } {
  const labels = ['consumer'];
  const held = metrics.gauge(
    'messaging_inbox_held',
    'Messages that wait for another attempt or behind one that does, counted up to 100,000.',
    labels,
    '{message}',
  );
  const age = metrics.gauge(
    'messaging_inbox_oldest_held_age_seconds',
    'Age of the oldest message that waits for another attempt.',
    labels,
  );
  const waiting = metrics.gauge(
    'messaging_inbox_waiting_keys',
    'Keys that wait for a process which handles the type of their first message.',
    labels,
    '{key}',
  );
  const dead = metrics.gauge('messaging_inbox_dead_letters', 'Messages given up.', labels, '{message}');
  metrics.cap('messaging_inbox_held', MAX_COUNTED);
  return {
    observe: (statistics) => {
      held.set(statistics.held, { consumer });
      age.set(statistics.oldestHeldAgeSeconds, { consumer });
      waiting.set(statistics.waitingKeys, { consumer });
      dead.set(statistics.dead, { consumer });
    },
  };
}

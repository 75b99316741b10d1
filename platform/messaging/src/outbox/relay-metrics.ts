import type { Counter, Metrics } from '@flotilla/telemetry';
import type { OutboxStatistics } from './outbox-statistics.ts';

export interface RelayMetrics {
  readonly published: Counter;
  observe(statistics: OutboxStatistics): void;
}

/** As the statements of the store count. */
const MAX_COUNTED = 100_000;

export function relayMetrics(metrics: Metrics): RelayMetrics {
  const backlog = metrics.gauge(
    'messaging_outbox_backlog',
    'Unsent messages with the held ones, counted up to 100,000.',
    [],
    '{message}',
  );
  const held = metrics.gauge(
    'messaging_outbox_held',
    'Refused messages and those behind them in their keys, counted up to 100,000.',
    [],
    '{message}',
  );
  const age = metrics.gauge('messaging_outbox_oldest_age_seconds', 'Age of the oldest unsent message.');
  const parked = metrics.gauge(
    'messaging_outbox_parked',
    'Messages given up because the transport refused them.',
    [],
    '{message}',
  );
  const delayed = metrics.gauge(
    'messaging_outbox_delayed',
    'Messages that are to be sent later, counted up to 100,000.',
    [],
    '{message}',
  );
  for (const name of ['messaging_outbox_backlog', 'messaging_outbox_held', 'messaging_outbox_delayed'])
    metrics.cap(name, MAX_COUNTED);
  return {
    published: metrics.counter(
      'messaging_outbox_published_total',
      'Messages the transport has confirmed.',
      [],
      '{message}',
    ),
    observe: (statistics) => {
      backlog.set(statistics.backlog);
      held.set(statistics.held);
      age.set(statistics.oldestAgeSeconds);
      parked.set(statistics.parked);
      delayed.set(statistics.delayed);
    },
  };
}

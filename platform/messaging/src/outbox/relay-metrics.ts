import type { Counter, Metrics } from '@flotilla/telemetry';
import type { OutboxStatistics } from './outbox-store.ts';

export interface RelayMetrics {
  readonly published: Counter;
  observe(statistics: OutboxStatistics): void;
}

export function relayMetrics(metrics: Metrics): RelayMetrics {
  const backlog = metrics.gauge(
    'messaging_outbox_backlog',
    'Unsent messages with the held ones, counted up to 100,000.',
  );
  const held = metrics.gauge(
    'messaging_outbox_held',
    'Refused messages and those behind them in their keys, counted up to 100,000.',
  );
  const age = metrics.gauge('messaging_outbox_oldest_age_seconds', 'Age of the oldest unsent message.');
  const parked = metrics.gauge(
    'messaging_outbox_parked',
    'Messages given up because the transport refused them.',
  );
  const delayed = metrics.gauge(
    'messaging_outbox_delayed',
    'Messages that are to be sent later, counted up to 100,000.',
  );
  return {
    published: metrics.counter('messaging_outbox_published_total', 'Messages the transport has confirmed.'),
    observe: (statistics) => {
      backlog.set(statistics.backlog);
      held.set(statistics.held);
      age.set(statistics.oldestAgeSeconds);
      parked.set(statistics.parked);
      delayed.set(statistics.delayed);
    },
  };
}

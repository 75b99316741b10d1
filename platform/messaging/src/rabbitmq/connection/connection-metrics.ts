import type { Metrics } from '@flotilla/telemetry';

/** What of the broker concerns operators. `connection` is `publish` or `consume`. */
export function connectionMetrics(metrics: Metrics, connection: string) {
  const labels = { connection };
  const open = metrics.gauge(
    'messaging_rabbitmq_open',
    '1 while the connection is open.',
    ['connection'],
    '{connection}',
  );
  const blocked = metrics.gauge(
    'messaging_rabbitmq_blocked',
    '1 while the broker takes no messages because of an alarm.',
    ['connection'],
    '{connection}',
  );
  const opened = metrics.counter(
    'messaging_rabbitmq_opened_total',
    'Connections opened.',
    ['connection'],
    '{connection}',
  );
  return {
    opened: () => {
      opened.inc(labels);
      open.set(1, labels);
    },
    closed: () => open.set(0, labels),
    blocked: (is: boolean) => blocked.set(is ? 1 : 0, labels),
  };
}

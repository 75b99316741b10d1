import type { Metrics } from '@flotilla/telemetry';
import type { Horizon } from '../feed/horizon.ts';
import type { GenerationStatus } from './projection-status.ts';

export interface ProjectionMetrics {
  observe(statuses: readonly GenerationStatus[], horizon: Horizon): void;
}

export function createProjectionMetrics(metrics: Metrics): ProjectionMetrics {
  const labels = ['projection', 'state'];
  const events = metrics.gauge(
    'event_store_projection_lag_events',
    'Events not handled yet, up to 10,000.',
    labels,
    '{event}',
  );
  const age = metrics.gauge(
    'event_store_projection_lag_seconds',
    'Age of the oldest event not handled.',
    labels,
  );
  const halted = metrics.gauge(
    'event_store_projection_halted',
    '1 while it waits for an operator.',
    labels,
    '{state}',
  );
  const waiting = metrics.gauge(
    'event_store_projection_waiting',
    '1 while it waits for a runner that knows its next event.',
    labels,
    '{state}',
  );
  const horizonLag = metrics.gauge(
    'event_store_horizon_lag_seconds',
    'Age of the oldest committed event that feeds cannot show yet, because an older transaction is open.',
  );
  metrics.cap('event_store_projection_lag_events', 10_000);
  const shown = new Set<string>();
  return {
    observe: (statuses, horizon) => {
      horizonLag.set(horizon.lagSeconds);
      for (const key of shown) {
        const [projection = '', state = ''] = key.split(' ');
        for (const gauge of [events, age, halted, waiting]) gauge.set(0, { projection, state });
      }
      for (const { name, state, lagEvents, lagSeconds, isHalted, isWaiting } of statuses) {
        if (state !== 'active' && state !== 'building') continue;
        const of = { projection: name, state };
        shown.add(`${name} ${state}`);
        events.set(lagEvents, of);
        age.set(lagSeconds, of);
        halted.set(isHalted ? 1 : 0, of);
        waiting.set(isWaiting ? 1 : 0, of);
      }
    },
  };
}

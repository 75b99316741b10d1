import { HTTP_BUCKETS_SECONDS, type Metrics } from '@flotilla/telemetry';
import type { Direction, SagaEvent, SagaStatus } from '../decide/state.ts';

/** Active sagas of one kind, in the whole database. */
export interface ActiveCount {
  readonly type: string;
  readonly status: SagaStatus | 'unknown-version';
  readonly count: number;
}

/** What is known before anything happens. */
export interface MeasuredSaga {
  readonly type: string;
  readonly steps: readonly string[];
}

export interface SagaMetrics {
  called(type: string, step: string, direction: Direction, outcome: SagaEvent['kind'], ms: number): void;
  /** All places of its step were taken. */
  putBack(type: string, step: string): void;
  ended(type: string, status: SagaStatus, ms: number): void;
  becameStuck(type: string, step: string): void;
  active(counts: readonly ActiveCount[]): void;
}

const OPEN_STATUSES = ['running', 'compensating', 'stuck', 'unknown-version'] as const;

export function createSagaMetrics(metrics: Metrics, definitions: readonly MeasuredSaga[]): SagaMetrics {
  const steps = metrics.histogram(
    'saga_step_duration_seconds',
    'Duration of one attempt at a saga step.',
    HTTP_BUCKETS_SECONDS,
    ['saga_type', 'saga_step', 'direction', 'outcome'],
  );
  const sagas = metrics.histogram(
    'saga_duration_seconds',
    'Time from the start of a saga to its end; its count is the number of ended sagas.',
    [...HTTP_BUCKETS_SECONDS, 30, 60, 300],
    ['saga_type', 'status'],
  );
  const putBack = metrics.counter(
    'saga_put_back_total',
    'Sagas that were put back because all places of their step were taken.',
    ['saga_type', 'saga_step'],
    '{saga}',
  );
  const stuck = metrics.counter(
    'saga_stuck_total',
    'Sagas that became stuck.',
    ['saga_type', 'saga_step'],
    '{saga}',
  );
  const active = metrics.gauge(
    'saga_active',
    'Sagas in the database that have not ended.',
    ['saga_type', 'status'],
    '{saga}',
  );
  for (const { type, steps } of definitions) {
    const names = { saga_type: [type], saga_step: steps };
    putBack.startAtZero(names);
    stuck.startAtZero(names);
    active.startAtZero({ saga_type: [type], status: OPEN_STATUSES });
  }
  let shown = new Map<string, { readonly saga_type: string; readonly status: string }>();
  return {
    called: (type, step, direction, outcome, ms) =>
      steps.observe(ms / 1_000, { saga_type: type, saga_step: step, direction, outcome }),
    putBack: (type, step) => putBack.inc({ saga_type: type, saga_step: step }),
    ended: (type, status, ms) => sagas.observe(ms / 1_000, { saga_type: type, status }),
    becameStuck: (type, step) => stuck.inc({ saga_type: type, saga_step: step }),
    active: (counts) => {
      const before = shown;
      shown = new Map();
      for (const { type, status, count } of counts) {
        const labels = { saga_type: type, status };
        active.set(count, labels);
        shown.set(`${type} ${status}`, labels);
      }
      for (const [key, labels] of before) if (!shown.has(key)) active.set(0, labels);
    },
  };
}

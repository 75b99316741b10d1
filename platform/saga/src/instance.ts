import { newTrace, parseTraceparent, type TraceContext } from '@flotilla/telemetry';
import type { SagaDefinition } from './definition.ts';
import { sagaError } from './errors.ts';
import type { InstanceRow } from './saga-store.ts';
import type { SagaState } from './transition.ts';

/** A saga in the memory of the engine that holds its lease. Times are on the clock of `performance.now()`. */
export interface Instance {
  readonly id: string;
  readonly epoch: number;
  readonly definition: SagaDefinition;
  readonly state: SagaState;
  readonly data: object;
  readonly version: number;
  readonly trace: TraceContext;
  readonly startedAt: number;
  readonly deadlineAt: number;
}

/** Throws `SAGA_DEFINITION_CHANGED` when the open step is not in the definition. */
export function toInstance(row: InstanceRow, definition: SagaDefinition, now: number): Instance {
  const step = definition.steps.findIndex(({ name }) => name === row.step);
  if (step < 0) {
    throw sagaError(
      'SAGA_DEFINITION_CHANGED',
      'the open step is not in the definition; its version must change',
      {
        details: { sagaId: row.id, type: row.type, version: row.def_version, step: row.step },
      },
    );
  }
  return {
    id: row.id,
    epoch: row.lease_epoch,
    definition,
    data: row.data,
    version: row.version,
    trace: parseTraceparent(row.traceparent ?? undefined) ?? newTrace(),
    startedAt: now - row.age_ms,
    deadlineAt: now + row.deadline_in_ms,
    state: {
      status: row.status,
      step,
      direction: row.direction,
      attempt: row.attempt,
      ...(row.reason && { reason: row.reason }),
      ...(row.cancel_reason !== null && { cancelReason: row.cancel_reason }),
    },
  };
}

import { crashPoint, type NewId } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import { currentContext, formatTraceparent, newTrace } from '@flotilla/telemetry';
import { commandIdOf } from './command-id.ts';
import type { SagaDefinition } from './definition.ts';
import { sagaError } from './errors.ts';
import type { Instance } from './instance.ts';
import type { Runtime } from './runtime.ts';
import { insertInstance } from './saga-store.ts';
import { firstState, hasStartedPivot } from './transition.ts';

export interface StartOptions<Data extends object> {
  /** A UUID; default a new one. */
  readonly id?: string;
  /** Must survive JSON. */
  readonly data: Data;
  /** Unique among the sagas of its type. */
  readonly correlationKey?: string;
}

/** Inserts the instance, with its first step open, in the caller's transaction. */
export async function startSaga<Data extends object>(
  runtime: Runtime,
  newId: NewId,
  tx: Transaction,
  definition: SagaDefinition<Data>,
  { id = newId(), data, correlationKey }: StartOptions<Data>,
): Promise<string> {
  const { owner, settings } = runtime;
  const dataJson = JSON.stringify(data);
  const takenAt = performance.now();
  const instance = firstInstance(runtime, id, definition, dataJson, takenAt);
  const { state } = instance;
  const first = definition.steps[state.step]?.name ?? '';
  const leased = runtime.hasRoom();
  const inserted = await insertInstance(tx, {
    id,
    type: definition.type,
    defVersion: definition.version,
    dataJson,
    correlationKey,
    step: first,
    commandId: commandIdOf(id, first, state.direction),
    pivotStarted: hasStartedPivot(definition.plan, state),
    deadlineMs: definition.deadlineMs,
    traceparent: formatTraceparent(instance.trace),
    lease: leased ? { owner, leaseMs: settings.leaseMs } : undefined,
  });
  if (!inserted) {
    const details = { sagaId: id, type: definition.type, correlationKey };
    throw sagaError('SAGA_ALREADY_STARTED', 'a saga with this id, or type and key, exists', { details });
  }
  tx.afterCommit(() => {
    crashPoint('saga.after-start-commit');
    if (leased) runtime.accept(instance, takenAt);
    else runtime.nudge();
  });
  return id;
}

function firstInstance(
  { definitions }: Runtime,
  id: string,
  { type, version, deadlineMs }: Pick<SagaDefinition, 'type' | 'version' | 'deadlineMs'>,
  dataJson: string,
  now: number,
): Instance {
  const definition = definitions.find(type, version);
  if (definition === undefined)
    throw new TypeError(`saga ${type} version ${version} is not among the definitions of this engine`);
  return {
    id,
    epoch: 1,
    definition,
    state: firstState(),
    data: JSON.parse(dataJson) as object, // as it will be read after a restart
    version: 1,
    trace: currentContext()?.trace ?? newTrace(),
    startedAt: now,
    deadlineAt: now + deadlineMs,
  };
}

import { crashPoint, type NewId } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import { currentContext, formatTraceparent, newTrace } from '@flotilla/telemetry';
import { commandIdOf } from './command-id.ts';
import type { SagaDefinition } from './definition.ts';
import type { Definitions } from './engine-options.ts';
import { sagaError } from './errors.ts';
import type { Instance } from './instance.ts';
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

export interface StartDeps {
  readonly definitions: Definitions;
  readonly newId: NewId;
  readonly owner: string;
  readonly leaseMs: number;
  /** Can this engine work on the instance as soon as it is committed? */
  readonly hasRoom: () => boolean;
  /** Committed, and leased to us since `takenAt`. */
  readonly onLeased: (instance: Instance, takenAt: number) => void;
  /** Committed, for whoever has room. */
  readonly onStarted: () => void;
}

/** Inserts the instance, with its first step open, in the caller's transaction. */
export async function startSaga<Data extends object>(
  deps: StartDeps,
  tx: Transaction,
  definition: SagaDefinition<Data>,
  { id = deps.newId(), data, correlationKey }: StartOptions<Data>,
): Promise<string> {
  const { type, version, deadlineMs, plan } = definition;
  const known = deps.definitions.find(type, version);
  const [first] = plan.steps;
  if (known === undefined || first === undefined)
    throw new TypeError(`saga ${type} version ${version} is not among the definitions of this engine`);
  const trace = currentContext()?.trace ?? newTrace();
  const state = firstState();
  const dataJson = JSON.stringify(data);
  const takenAt = performance.now();
  const leased = deps.hasRoom();
  const inserted = await insertInstance(tx, {
    id,
    type,
    defVersion: version,
    dataJson,
    correlationKey,
    step: first.name,
    commandId: commandIdOf(id, first.name, 'do'),
    pivotStarted: hasStartedPivot(plan, state),
    deadlineMs,
    traceparent: formatTraceparent(trace),
    lease: leased ? { owner: deps.owner, leaseMs: deps.leaseMs } : undefined,
  });
  if (!inserted) {
    const details = { sagaId: id, type, correlationKey };
    throw sagaError('SAGA_ALREADY_STARTED', `a saga ${type} with this id or key exists`, { details });
  }
  const instance: Instance = {
    id,
    epoch: 1,
    definition: known,
    state,
    data: JSON.parse(dataJson) as object, // as it will be read after a restart
    version: 1,
    trace,
    startedAt: takenAt,
    deadlineAt: takenAt + deadlineMs,
  };
  tx.afterCommit(() => {
    crashPoint('saga.after-start-commit');
    if (leased) deps.onLeased(instance, takenAt);
    else deps.onStarted();
  });
  return id;
}

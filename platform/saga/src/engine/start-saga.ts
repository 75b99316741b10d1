import { crashPoint, type NewId } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import { storableJson, type Transaction } from '@flotilla/postgres';
import { currentContext, formatTraceparent, newTrace } from '@flotilla/telemetry';
import { firstState } from '../decide/course.ts';
import { hasStartedPivot } from '../decide/state.ts';
import type { SagaDefinition } from '../define/definition.ts';
import { sagaError } from '../errors.ts';
import { dueInMs, type Opening, openAll, toOpeningRow } from '../run/opening.ts';
import { timeToOpen } from '../run/time-to-open.ts';
import { publish } from '../run/write.ts';
import type { Instance } from '../store/instance.ts';
import { insertInstance, insertKeys, type NewInstance } from '../store/instances.ts';
import type { Runtime } from './runtime.ts';

export interface StartOptions<Data extends object> {
  /** A UUID; default a new one. */
  readonly id?: string;
  /** Must survive JSON. NUL is kept as U+2400, half a surrogate pair as U+FFFD. */
  readonly data: Data;
  /** Names under which events find it, each unique among the sagas of its type. */
  readonly correlationKeys?: readonly string[];
}

export interface StartDeps {
  readonly runtime: Runtime;
  readonly newId: NewId;
  readonly outbox: Pick<Outbox, 'publish'> | undefined;
}

/** Inserts the instance, with its first step open, in the caller's transaction. */
export async function startSaga<Data extends object>(
  deps: StartDeps,
  tx: Transaction,
  definition: SagaDefinition<Data>,
  { id = deps.newId(), data, correlationKeys = [] }: StartOptions<Data>,
): Promise<string> {
  const { runtime } = deps;
  const { owner, settings } = runtime;
  const dataJson = storableJson(JSON.stringify(data));
  const takenAt = performance.now();
  const born = firstInstance(runtime, id, definition, dataJson, takenAt);
  const date = await timeToOpen(tx, born, born.state);
  const opens = openAll({ instance: born, ...born, now: takenAt, date });
  const instance = { ...born, open: opens };
  const waitMs = dueInMs({ instance, state: born.state, now: takenAt }, opens);
  const leased = waitMs === 0 && runtime.hasRoom(born.fairKey);
  const lease = leased ? { owner, leaseMs: settings.leaseMs } : undefined;
  await insert(tx, toRow(instance, dataJson, opens, waitMs, lease), correlationKeys);
  await publish(deps, tx, id, opens);
  tx.afterCommit(() => {
    crashPoint('saga.after-start-commit');
    if (leased) runtime.accept(instance, takenAt);
    else runtime.nudge();
    // An event that came before its saga waits for it.
    if (correlationKeys.length > 0) runtime.nudgeDesk();
  });
  return id;
}

async function insert(tx: Transaction, row: NewInstance, keys: readonly string[]): Promise<void> {
  const { id, type } = row;
  const taken = () =>
    sagaError('SAGA_ALREADY_STARTED', 'a saga with this id, or type and key, exists', {
      details: { sagaId: id, type, correlationKeys: keys },
    });
  const insertRow = async () => {
    if (!(await insertInstance(tx, row))) throw taken();
  };
  if (keys.length === 0) return await insertRow();
  await tx.savepoint(async () => {
    await insertRow();
    if ((await insertKeys(tx, id, type, keys)) < new Set(keys).size) throw taken();
  });
}

function toRow(
  { id, definition, state, trace, fairKey }: Instance,
  dataJson: string,
  opens: readonly Opening[],
  nextInMs: number,
  lease: NewInstance['lease'],
): NewInstance {
  const now = performance.now();
  return {
    ...{ id, dataJson, nextInMs, lease, fairKey },
    type: definition.type,
    defVersion: definition.version,
    step: definition.plan.steps[state.step]?.name ?? '',
    pivotStarted: hasStartedPivot(definition.plan, state),
    deadlineMs: definition.deadlineMs,
    traceparent: formatTraceparent(trace),
    opens: opens.map((opening) => toOpeningRow(opening, now)),
  };
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
  const data = JSON.parse(dataJson) as object; // as it will be read after a restart
  return {
    id,
    epoch: 1,
    definition,
    state: firstState(definition.plan),
    open: [],
    renamed: {},
    data,
    fairKey: definition.fairBy?.(data),
    version: 1,
    trace: currentContext()?.trace ?? newTrace(),
    startedAt: now,
    deadlineAt: now + deadlineMs,
  };
}

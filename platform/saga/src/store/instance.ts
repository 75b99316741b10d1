import { newTrace, parseTraceparent, type TraceContext } from '@flotilla/telemetry';
import type { BranchState, SagaState } from '../decide/state.ts';
import type { SagaDefinition } from '../define/definition.ts';
import type { Via } from '../define/step.ts';
import { sagaError } from '../errors.ts';
import type { InstanceRow, OpenRow } from './instances.ts';

/** A step, or a branch of a group, that has no outcome yet. */
export interface OpenStep {
  /** '' for a step of its own. */
  readonly branch: string;
  readonly via: Via;
  readonly epoch: number;
  readonly commandId: string;
  /** When a wait is over, a reply no longer awaited, or the next attempt made. */
  readonly dueAt: number;
  /** Of a message: its reply is awaited. */
  readonly sent: boolean;
}

/** A saga as it is worked on. Times are on the clock of `performance.now()`. */
export interface Instance {
  readonly id: string;
  /** Of the lease. */
  readonly epoch: number;
  readonly definition: SagaDefinition;
  readonly state: SagaState;
  readonly open: readonly OpenStep[];
  readonly data: object;
  readonly version: number;
  readonly trace: TraceContext;
  readonly startedAt: number;
  readonly deadlineAt: number;
  /** Whose work it is; `undefined`: nobody's in particular. */
  readonly fairKey: string | undefined;
  /** The names under which steps made their command ids, where a migration has renamed them. */
  readonly renamed: Readonly<Record<string, string>>;
}

/** Throws `SAGA_DEFINITION_CHANGED` when the open step is not in the definition. */
export function toInstance(row: InstanceRow, definition: SagaDefinition, now: number): Instance {
  const step = definition.plan.steps.findIndex(({ name }) => name === row.step);
  const members = definition.plan.steps[step]?.members;
  const rows = newestOf(row.open ?? []);
  const unknown = rows.some(({ branch }) =>
    members ? members.every(({ name }) => name !== branch) : branch !== '',
  );
  if ((step < 0 && row.step !== null) || unknown) throw definitionChanged(row);
  const [first] = rows;
  return {
    id: row.id,
    epoch: row.lease_epoch,
    definition,
    data: row.data,
    version: row.version,
    trace: parseTraceparent(row.traceparent ?? undefined) ?? newTrace(),
    startedAt: now - row.age_ms,
    deadlineAt: now + row.deadline_in_ms,
    open: rows.filter(({ status }) => status === 'open').map((open) => toOpenStep(open, now)),
    fairKey: row.fair_key ?? undefined,
    renamed: row.migrated?.renamed ?? {},
    state: {
      status: row.status,
      step,
      direction: row.direction,
      attempt: row.attempt,
      ...(members
        ? { branches: rows.map(toBranch) }
        : (first?.epoch ?? 1) > 1 && { epoch: first?.epoch ?? 1 }),
      ...(row.reason && { reason: row.reason }),
      ...(row.cancel_reason !== null && { cancelReason: row.cancel_reason }),
      ...(row.migrated && row.migrated.unstarted.length > 0 && { unstarted: row.migrated.unstarted }),
    },
  };
}

function definitionChanged({ id, type, def_version, step }: InstanceRow) {
  const details = { sagaId: id, type, version: def_version, step };
  const message = 'the open step is not in the definition; its version must change';
  return sagaError('SAGA_DEFINITION_CHANGED', message, { details });
}

/** Of each branch the opening that counts, in the order in which they were opened. */
function newestOf(rows: readonly OpenRow[]): readonly OpenRow[] {
  const newest = new Map<string, OpenRow>();
  for (const row of rows) {
    if ((newest.get(row.branch)?.epoch ?? 0) < row.epoch) newest.set(row.branch, row);
  }
  return [...newest.values()];
}

function toBranch({ branch, status, attempts, epoch }: OpenRow): BranchState {
  // The attempt that closed it is counted among its attempts, but was no retry.
  const retries = Math.max(0, status === 'open' ? attempts : attempts - 1);
  return { name: branch, status, retries, epoch };
}

function toOpenStep({ branch, via, epoch, commandId, dueInMs, sent }: OpenRow, now: number): OpenStep {
  const dueAt = dueInMs === null ? Number.NEGATIVE_INFINITY : now + dueInMs;
  return { branch, via, epoch, commandId, dueAt, sent };
}

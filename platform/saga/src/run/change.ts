import { isPlatformError } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import type { SagaEvent, Transition } from '../decide/state.ts';
import { sagaError } from '../errors.ts';
import { type Instance, toInstance } from '../store/instance.ts';
import { type InstanceRow, readInstance } from '../store/instances.ts';
import type { Definitions } from './engine-options.ts';
import { applyRules, type RecordDeps, type Recorded } from './record-step.ts';
import { type ReportDeps, report } from './report.ts';
import { type Change, needsTransaction, planChange, writeAlone, writeWithHooks } from './write.ts';

/** What a change from outside needs: by a reply, an event or an operator, who hold no lease. */
export interface ChangeDeps extends Omit<RecordDeps, 'db'>, ReportDeps {
  readonly definitions: Definitions;
  /** Something may be due now. */
  readonly nudge: () => void;
}

const ATTEMPTS = 20;

/**
 * Changes an instance in the caller's transaction. It is read without a lock and written only if nobody changed it
 * meanwhile, else everything is taken back and tried on what the other one left: domain rows are locked before saga
 * rows, and of two changes at once each sees the other's. Throws `SAGA_CHANGED` when that does not come to an end.
 */
export async function changeSaga<T>(
  tx: Transaction,
  id: string,
  work: (row: InstanceRow | undefined) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tx.savepoint(async () => await work(await readInstance(tx, id)));
    } catch (error) {
      const changed = isPlatformError(error) && error.code === 'SAGA_CHANGED';
      if (!changed || attempt === ATTEMPTS) throw error;
    }
  }
}

/** The instance as this engine may change it; `undefined` when it does not know its definition. */
export function readableBy(
  { definitions }: Pick<ChangeDeps, 'definitions'>,
  row: InstanceRow,
): Instance | undefined {
  const definition = definitions.find(row.type, row.def_version);
  return definition && toInstance(row, definition, performance.now());
}

/** Writes what an event makes of an instance, and says so once it is committed. */
export async function applyEvent(
  deps: ChangeDeps,
  tx: Transaction,
  before: Instance,
  event: SagaEvent,
  result?: unknown,
): Promise<Instance> {
  return await writeChange(deps, tx, { before, event, result, transition: applyRules(deps, before, event) });
}

export async function writeChange(
  deps: ChangeDeps,
  tx: Transaction,
  planned: Omit<Change, 'hooks'>,
): Promise<Instance> {
  const change = planChange(planned);
  const { before, event, transition } = change;
  const written = needsTransaction(change)
    ? await writeWithHooks(deps, tx, change)
    : await writeAlone(deps, tx, change);
  if (written === undefined) throw changedMeanwhile(before.id);
  const recorded: Recorded = {
    before,
    after: written.after,
    event,
    transition: transition satisfies Transition,
  };
  tx.afterCommit(() => {
    report(deps, recorded);
    deps.nudge();
  });
  return written.after;
}

export function changedMeanwhile(sagaId: string) {
  return sagaError('SAGA_CHANGED', 'the saga was changed by somebody else', { details: { sagaId } });
}

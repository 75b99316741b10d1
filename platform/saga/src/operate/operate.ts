import { crashPoint } from '@flotilla/kernel';
import { storableJson, type Transaction } from '@flotilla/postgres';
import { isEnded } from '../decide/state.ts';
import {
  applyEvent,
  type ChangeDeps,
  changedMeanwhile,
  changeSaga,
  readableBy,
  writeChange,
} from '../run/change.ts';
import { addAudit } from '../store/audit.ts';
import type { Instance } from '../store/instance.ts';
import { type InstanceRow, readInstance } from '../store/instances.ts';
import type { OperateAnswer, Refusal, SagaOrder, SagaVerb } from '../store/order.ts';
import { recordData } from '../store/records.ts';
import { requestCancel } from './commands.ts';
import { migrateSaga } from './migrate-saga.ts';
import { branchMeant, type Forced, forceCompensate, forceComplete, refuse } from './verbs.ts';

/** Carries out what an operator asks for, with its audit, in the caller's transaction. */
export async function operateSaga(
  deps: ChangeDeps,
  tx: Transaction,
  id: string,
  order: SagaOrder,
): Promise<OperateAnswer> {
  return await changeSaga(tx, id, async (row) => {
    const instance = row && readableBy(deps, row);
    const refusal = whyNot(row, instance, order);
    if (refusal || row === undefined)
      return { ok: false, ...(refusal ?? refuse('not-found', 'no such saga')) };
    const done = await carryOut(deps, tx, row, instance, order);
    if (done && 'refusal' in done) return { ok: false, ...done };
    const after = await readInstance(tx, id);
    if (after === undefined) throw changedMeanwhile(id);
    await addAudit(tx, order, row, after);
    crashPoint('saga.before-operation-commit');
    tx.afterCommit(() => {
      crashPoint('saga.after-operation-commit');
      deps.logger.info(
        { saga: id, verb: order.verb, by: order.by, reason: order.reason },
        'operator changed a saga',
      );
      deps.nudge();
    });
    const { status, step, version } = after;
    return { ok: true, status, changes: version, ...(step !== null && { step }) };
  });
}

function whyNot(
  row: InstanceRow | undefined,
  instance: Instance | undefined,
  { verb, expectedChanges }: SagaOrder,
): { readonly refusal: Refusal } | undefined {
  if (row === undefined) return refuse('not-found', 'no such saga');
  if (isEnded(row.status)) return refuse('ended', `it has ended ${row.status}`);
  if (expectedChanges !== undefined && expectedChanges !== row.version)
    return refuse('changed', `it has changed since: ${row.version} changes, not ${expectedChanges}`);
  if (verb === 'cancel') return undefined;
  if (row.lease_owner !== null)
    return refuse('in-progress', `an engine works on it right now (${row.step}); try again`);
  if (instance === undefined && verb !== 'migrate')
    return refuse('unknown-version', `no engine here knows ${row.type} version ${row.def_version}`);
  return undefined;
}

type Done = { readonly refusal: Refusal } | undefined;

async function carryOut(
  deps: ChangeDeps,
  tx: Transaction,
  row: InstanceRow,
  instance: Instance | undefined,
  order: SagaOrder,
): Promise<Done> {
  if (order.verb === 'cancel') return await cancel(deps, tx, row.id, order.code);
  if (order.verb === 'migrate') return await migrate(deps, tx, row, order.to);
  if (instance === undefined) return refuse('unknown-version', 'its definition is not known here');
  switch (order.verb) {
    case 'retry':
      return await retry(tx, instance);
    case 'skip':
      return await skip(deps, tx, instance, order);
    case 'compensate':
      return await force(deps, tx, instance, forceCompensate(instance));
    case 'complete':
      return await force(deps, tx, instance, forceComplete(instance));
    case 'edit': {
      if (!(await recordData(tx, instance, storableJson(JSON.stringify(order.data)))))
        throw changedMeanwhile(instance.id);
      return undefined;
    }
  }
}

async function cancel(deps: ChangeDeps, tx: Transaction, id: string, code: string): Promise<Done> {
  const answer = await requestCancel(tx, id, { code }, deps.nudge);
  return answer === 'requested' ? undefined : refuse(answer, 'its pivot was started: nothing can be undone');
}

async function migrate(deps: ChangeDeps, tx: Transaction, row: InstanceRow, to: number): Promise<Done> {
  const target = deps.definitions.find(row.type, to);
  if (target === undefined)
    return refuse('unknown-version', `no engine here knows ${row.type} version ${to}`);
  const problem = await migrateSaga(tx, row, target);
  return problem === undefined ? undefined : refuse('not-applicable', problem);
}

async function retry(tx: Transaction, { id, version, epoch, open }: Instance): Promise<Done> {
  if (open.every(({ via }) => via === 'wait'))
    return refuse('not-applicable', 'it only waits; skip the wait to go on');
  const due = await tx.query(
    `WITH due AS (
       UPDATE saga_instance SET next_attempt_at = clock_timestamp(), version = version + 1,
         updated_at = clock_timestamp()
       WHERE id = $1 AND version = $2 AND lease_epoch = $3 RETURNING id
     ), steps AS (
       UPDATE saga_step s SET due_at = NULL, sent = false FROM due
       WHERE s.saga_id = due.id AND s.status = 'open' AND s.via <> 'wait'
     ) SELECT id FROM due`,
    [id, version, epoch],
  );
  if (due.length === 0) throw changedMeanwhile(id);
  return undefined;
}

async function skip(
  deps: ChangeDeps,
  tx: Transaction,
  instance: Instance,
  { step, result }: Extract<SagaVerb, { readonly verb: 'skip' }>,
): Promise<Done> {
  const meant = branchMeant(instance, step);
  if ('refusal' in meant) return meant;
  const event = { kind: 'succeeded', ...(meant.branch !== '' && { branch: meant.branch }) } as const;
  await applyEvent(deps, tx, instance, event, result);
  return undefined;
}

async function force(
  deps: ChangeDeps,
  tx: Transaction,
  before: Instance,
  forced: Forced | { readonly refusal: Refusal },
): Promise<Done> {
  if ('refusal' in forced) return forced;
  await tx.query(
    `UPDATE saga_step SET status = 'unknown', ended_at = clock_timestamp() WHERE saga_id = $1 AND status = 'open'`,
    [before.id],
  );
  await writeChange(deps, tx, { before, ...forced });
  return undefined;
}

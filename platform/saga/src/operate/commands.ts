import type { Database, Transaction } from '@flotilla/postgres';
import { answerCancel, type Rejection, type SagaStatus } from '../decide/state.ts';
import { sagaError, toStorableCode } from '../errors.ts';

export type CancelAnswer = ReturnType<typeof answerCancel>;

/**
 * Decides against the pivot under the lock of the instance: the step that starts the pivot and the cancellation
 * cannot both win.
 */
export async function requestCancel(
  tx: Transaction,
  id: string,
  reason: Rejection,
  onRequested: () => void,
): Promise<CancelAnswer> {
  const [row] = await tx.query<{ status: SagaStatus; pivot_started: boolean; cancel_reason: string | null }>(
    'SELECT status, pivot_started, cancel_reason FROM saga_instance WHERE id = $1 FOR UPDATE',
    [id],
  );
  if (row === undefined) throw sagaError('SAGA_NOT_FOUND', 'no such saga', { details: { sagaId: id } });
  const answer = answerCancel({ status: row.status, pivotStarted: row.pivot_started });
  if (answer !== 'requested' || row.cancel_reason !== null) return answer;
  await tx.query(
    `UPDATE saga_instance SET cancel_reason = $2, version = version + 1, updated_at = clock_timestamp(),
       next_attempt_at = CASE WHEN direction = 'do' THEN clock_timestamp() ELSE next_attempt_at END
     WHERE id = $1`,
    [id, toStorableCode(reason.code)],
  );
  tx.afterCommit(onRequested);
  return answer;
}

/** Deletes sagas that ended before the retention, history included, in bounded batches; returns how many. */
export async function deleteEnded(db: Database, retentionMs: number): Promise<number> {
  for (let deleted = 0; ; ) {
    const rows = await db.query(
      `DELETE FROM saga_instance WHERE id IN (
         SELECT id FROM saga_instance WHERE ended_at < now() - $1 * interval '1 ms'
         ORDER BY ended_at LIMIT 500 FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [retentionMs],
    );
    deleted += rows.length;
    if (rows.length < 500) return deleted;
  }
}

import type { Database, Transaction } from '@flotilla/postgres';

/**
 * Remembers messages as handled, in the handler's transaction, and returns those that were not yet. A message that
 * another transaction is handling right now makes this wait until that one has ended.
 */
export async function rememberMessages(
  tx: Transaction,
  consumer: string,
  ids: readonly string[],
): Promise<Set<string>> {
  // Sorted, so that two transactions with the same messages cannot wait for each other.
  const rows = await tx.query<{ message_id: string }>(
    `INSERT INTO inbox (consumer, message_id) SELECT $1, id FROM unnest($2::uuid[]) AS id ORDER BY id
     ON CONFLICT DO NOTHING RETURNING message_id`,
    [consumer, ids],
  );
  return new Set(rows.map((row) => row.message_id));
}

const CLEANUP_BATCH = 5_000;

/** Forgets one batch of messages handled longer ago than the retention; `true` when there may be more. */
export async function forgetOldMessages(
  db: Database,
  consumer: string,
  retentionDays: number,
): Promise<boolean> {
  const rows = await db.query(
    `DELETE FROM inbox WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM inbox
       WHERE handled_at < now() - $2 * interval '1 day' AND consumer = $1
       LIMIT ${CLEANUP_BATCH} FOR UPDATE SKIP LOCKED))
     RETURNING 1`,
    [consumer, retentionDays],
  );
  return rows.length === CLEANUP_BATCH;
}

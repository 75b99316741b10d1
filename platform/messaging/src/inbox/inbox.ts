import type { Database, Transaction } from '@flotilla/postgres';
import type { Task } from './task.ts';

export interface Remembered {
  /** Ids that were not known. */
  readonly fresh: Set<string>;
  /** Of these the ones that must not be handled now: they, or an earlier message of their key, wait or were given up. */
  readonly waiting: ReadonlySet<string>;
}

/** How long messages that share a transaction wait for a row. Below `deadlock_timeout`, so that none is ever sought. */
const MAX_LOCK_WAIT = '100ms';

/**
 * Remembers messages as handled, in the handler's transaction. A message that another transaction is handling right
 * now makes this wait until that one has ended. From then on a transaction of several waits for no row for long: it
 * has locked those of all its messages before, in an order of its own, and others wait for them.
 */
export async function rememberMessages(
  tx: Transaction,
  consumer: string,
  tasks: readonly Task[],
): Promise<Remembered> {
  const rows = await tx.query<{ message_id: string; is_aside: boolean }>(
    tasks.length > 1 ? REMEMBER_SEVERAL : REMEMBER,
    [consumer, tasks.map((task) => task.inboxId), tasks.map((task) => task.arrival.key)],
  );
  return {
    fresh: new Set(rows.map((row) => row.message_id)),
    waiting: new Set(rows.filter((row) => row.is_aside).map((row) => row.message_id)),
  };
}

const REMEMBER = 'SELECT message_id, is_aside FROM inbox_remember($1, $2::uuid[], $3::text[])';

const REMEMBER_SEVERAL = `SELECT message_id, is_aside, set_config('lock_timeout', '${MAX_LOCK_WAIT}', true)
  FROM inbox_remember($1, $2::uuid[], $3::text[])`;

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

import type { Clock } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';

/** How long what ended is still there, to be looked at. */
const KEPT_MS = 24 * 3_600_000;
const BATCH = 1_000;

const PRUNE: readonly string[] = [
  `DELETE FROM auth_record WHERE ctid = ANY (ARRAY(
     SELECT ctid FROM auth_record WHERE expires_at < $1 LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))
   RETURNING 1`,
  `DELETE FROM auth_session WHERE id IN (
     SELECT id FROM auth_session WHERE ended_at < $1 LIMIT ${BATCH} FOR UPDATE SKIP LOCKED) RETURNING 1`,
  `DELETE FROM auth_logout_notice WHERE id IN (
     SELECT id FROM auth_logout_notice WHERE settled_at < $1 LIMIT ${BATCH} FOR UPDATE SKIP LOCKED) RETURNING 1`,
  'DELETE FROM auth_client_secret WHERE expires_at < $1 RETURNING 1',
];

/** Deletes what nothing can ask for any more, in small pieces. Returns how much. */
export async function prune(db: Database, clock: Pick<Clock, 'now'>): Promise<number> {
  const before = new Date(clock.now().getTime() - KEPT_MS);
  let deleted = 0;
  for (const statement of PRUNE)
    for (let batch = BATCH; batch === BATCH; deleted += batch)
      batch = (await db.query(statement, [before])).length;
  return deleted;
}

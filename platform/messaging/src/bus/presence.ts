import { createHash } from 'node:crypto';
import { isOwnSession } from '@flotilla/postgres';
import type { Connection } from './standing-connection.ts';

/**
 * The advisory lock by which a process shows that it is alive: the server frees it the moment the process ends, so
 * others take over at once instead of waiting for a lease to end.
 */
export function presenceKey(owner: string): string {
  return createHash('sha256').update(owner).digest().readBigInt64BE().toString();
}

/**
 * `false` when a pooler shares the server's sessions: the lock would be held by one that others use as well, so it would
 * prove nothing, and it would stay there. Leases then end by time.
 */
export async function holdPresence(connection: Connection, key: string): Promise<boolean> {
  if (!(await isOwnSession(connection))) return false;
  await connection.query('SELECT pg_advisory_lock($1::bigint)', [key]);
  return true;
}

export const NO_PRESENCE =
  'a pooler shares the sessions of the server, so leases of a process that ended are taken over by time';

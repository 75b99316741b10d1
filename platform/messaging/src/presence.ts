import { createHash } from 'node:crypto';
import type { Connection } from './standing-connection.ts';

/**
 * The advisory lock by which a process shows that it is alive: the server frees it the moment the process ends, so
 * others take over at once instead of waiting for a lease to end.
 */
export function presenceKey(owner: string): string {
  return createHash('sha256').update(owner).digest().readBigInt64BE().toString();
}

export async function holdPresence(connection: Connection, key: string): Promise<void> {
  await connection.query('SELECT pg_advisory_lock($1::bigint)', [key]);
}

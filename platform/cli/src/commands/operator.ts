import { userInfo } from 'node:os';
import type { Database } from '@flotilla/postgres';
import { connectControl } from '../control-client.ts';
import { cliError } from '../errors.ts';
import { type Invocation, text, type Values } from './command.ts';
import { placeOf } from './place.ts';

/** Options of commands that change what a service has stored: who does it and why goes into its audit table. */
export const OPERATOR_OPTIONS = { by: { type: 'string' }, reason: { type: 'string' } } as const;
export const OPERATOR_HELP = {
  by: 'who does it, for the audit (default: the user who is logged in)',
  reason: 'why, for the audit; required for every change',
};

/** Who does it and why. Throws `CLI_USAGE` when no reason is given. */
export function operatorOf(values: Values): { readonly by: string; readonly reason: string } {
  const reason = text(values, 'reason')?.trim();
  if (!reason) throw cliError('CLI_USAGE', 'a change is recorded with its reason: give --reason "…"');
  return { by: userOf(values), reason };
}

/** Who does it: as given, or the user who is logged in. */
export function userOf(values: Values): string {
  return text(values, 'by') ?? userInfo().username;
}

/** Works on the database of a service in the running system, as the owner of its tables. */
export async function inDatabaseOf<T>(
  invocation: Invocation,
  service: string,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const uri = await connectControl(placeOf(invocation)).databaseUri(service, true);
  const { createDatabase } = await import('@flotilla/postgres');
  const db = createDatabase({ uri, applicationName: 'flotilla-cli', maxConnections: 1 });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

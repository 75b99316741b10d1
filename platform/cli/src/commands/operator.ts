import { userInfo } from 'node:os';
import type { Database } from '@flotilla/postgres';
import { type Invocation, type Options, text, type Values } from '../command-line/command.ts';
import { placeOf } from '../command-line/place.ts';
import { textOf } from '../command-line/value-kinds.ts';
import { connectControl } from '../control/client.ts';
import { cliError } from '../errors.ts';
import { findRoot, loadSystem } from '../load-system.ts';

const BY = {
  by: { kind: textOf('name'), help: 'who does it, for the audit (default: the user who is logged in)' },
} as const;

/** Options of commands that change something: who does it goes into the audit. */
export const BY_OPTION: Options = BY;

/** Of those that change what a service has stored: who does it and why goes into its audit table. */
export const OPERATOR_OPTIONS: Options = {
  ...BY,
  reason: { kind: textOf('text'), help: 'why, for the audit; required' },
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

/** What a command looks at in the database of a service, and which services have it. */
export interface Belongings {
  /** A table that is there when the service has it. */
  readonly table: string;
  /** The migrations that made it. */
  readonly migrations: string;
  /** `runs no sagas` */
  readonly without: string;
}

/** Works on the database of a service in the running system, as the owner of its tables. */
export async function inDatabaseOf<T>(
  invocation: Invocation,
  service: string,
  needed: Belongings,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const uri = await connectControl(placeOf(invocation)).databaseUri(service, true);
  const { createDatabase } = await import('@flotilla/postgres');
  const db = createDatabase({ uri, applicationName: 'flotilla-cli', maxConnections: 1 });
  try {
    const [found] = await db.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [
      needed.table,
    ]);
    if (!found?.exists) throw await lacks(invocation, service, needed);
    return await work(db);
  } finally {
    await db.close();
  }
}

async function lacks(invocation: Invocation, service: string, needed: Belongings) {
  const others = await servicesWith(invocation, needed).catch(() => []);
  const hint = others.length === 0 ? '' : `; ${others.join(', ')} ${others.length === 1 ? 'does' : 'do'}`;
  return cliError('CLI_UNKNOWN_SERVICE', `${service} ${needed.without}${hint}`);
}

/** The services that the configuration gives these tables. */
export async function servicesWith(
  { cwd }: Pick<Invocation, 'cwd'>,
  { migrations }: Belongings,
): Promise<readonly string[]> {
  const { services } = await loadSystem(findRoot(cwd));
  return Object.entries(services)
    .filter(([, { database }]) => database?.migrations.some(({ name }) => name === migrations))
    .map(([name]) => name);
}

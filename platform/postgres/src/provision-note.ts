import { createHash } from 'node:crypto';
import type { Database } from './database.ts';

/** What we say about an object in a comment on it, so that it disappears together with it. */
export interface Note {
  /** Of the system that made it; `undefined` in notes of older releases, which named none. */
  readonly systemId: string | undefined;
  /** Of what was done; `undefined` until that is complete. */
  readonly fingerprint: string | undefined;
}

export type ObjectKind = 'role' | 'database';

/** All roles and databases of a server by `role <name>` and `database <name>`; `undefined` where the note is not ours. */
export type Notes = ReadonlyMap<string, Note | undefined>;

export async function readNotes(admin: Database): Promise<Notes> {
  const rows = await admin.query<{ object: string; note: string | null }>(`
    SELECT 'role ' || rolname AS object, shobj_description(oid, 'pg_authid') AS note FROM pg_roles
    UNION ALL
    SELECT 'database ' || datname, shobj_description(oid, 'pg_database') FROM pg_database`);
  return new Map(rows.map((row) => [row.object, parseNote(row.note ?? '')]));
}

function parseNote(text: string): Note | undefined {
  const [, systemId, fingerprint] = /^flotilla (?:([0-9a-f]{32})(?: |$))?([\w-]{43})?$/.exec(text) ?? [];
  return systemId === undefined && fingerprint === undefined ? undefined : { systemId, fingerprint };
}

export function noteText(systemId: string, fingerprint?: string): string {
  return ['flotilla', systemId, ...(fingerprint === undefined ? [] : [fingerprint])].join(' ');
}

export function fingerprintOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}

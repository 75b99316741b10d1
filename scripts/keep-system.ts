/**
 * `node scripts/keep-system.ts <data-dir> <file.json.gz>`: writes down a running system, as it was made by its release, for the
 * tests that start it with a later one: its secrets, and of each database all rows, what was applied, and our notes.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createDatabase, databaseUri } from '@flotilla/postgres';
import type { KeptSystem } from '../test/system/kept-system.ts';

const [dataDir = '', file = ''] = process.argv.slice(2);
const adminUri = execFileSync(
  'node_modules/.bin/flotilla',
  ['db', 'uri', 'postgres', '--data-dir', dataDir],
  { encoding: 'utf8' },
).trim();

async function query<T extends Record<string, unknown>>(database: string, sql: string): Promise<T[]> {
  const db = createDatabase({ uri: databaseUri(adminUri, database), applicationName: 'keep-system' });
  return await db.query<T>(sql).finally(() => db.close());
}

async function rowsOf(database: string): Promise<KeptSystem['databases'][string]['rows']> {
  const tables = await query<{ name: string }>(
    database,
    "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1",
  );
  const kept = tables.map(async ({ name }) => {
    // As text: a JSON number here would lose digits of a bigint.
    const sql = `SELECT json_agg(t)::text AS rows FROM ${name} t`;
    return [name, (await query<{ rows: string | null }>(database, sql))[0]?.rows ?? ''] as const;
  });
  return Object.fromEntries((await Promise.all(kept)).filter(([, rows]) => rows !== ''));
}

const roles = await query<{ name: string; note: string }>(
  'postgres',
  "SELECT rolname AS name, shobj_description(oid, 'pg_authid') AS note FROM pg_roles WHERE shobj_description(oid, 'pg_authid') LIKE 'flotilla %'",
);
const databases = await query<{ name: string; note: string }>(
  'postgres',
  "SELECT datname AS name, shobj_description(oid, 'pg_database') AS note FROM pg_database WHERE shobj_description(oid, 'pg_database') LIKE 'flotilla %'",
);
const system: KeptSystem = {
  secrets: readFileSync(join(dataDir, 'secrets.json'), 'utf8'),
  roles: Object.fromEntries(roles.map(({ name, note }) => [name, note])),
  databases: Object.fromEntries(
    await Promise.all(
      databases.map(async ({ name, note }) => [name, { note, rows: await rowsOf(name) }] as const),
    ),
  ),
};
writeFileSync(file, gzipSync(JSON.stringify(system), { level: 9 }));

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PlatformError } from '@flotilla/kernel';
import type { Database } from './database.ts';
import type { Queryable } from './transaction.ts';

/** A folder of numbered SQL files (`0001_orders.sql`, …), applied in order, each once. */
export interface MigrationSource {
  /** Stable name, part of the record of what was applied: `order`, `messaging`, … */
  readonly name: string;
  /** Absolute path of the folder. */
  readonly directory: string;
}

const LOCK = 7_106_204_531; // any constant: two migrators of one database wait for each other

/**
 * Brings a database to the newest schema; returns the names of the files it applied. All files run in one
 * transaction: a failing file leaves the database as it was. A file that was changed after it had been
 * applied is refused (`POSTGRES_MIGRATION_CHANGED`): add a new one instead. Where that happened nevertheless, beside
 * `0001_name.sql` a file `0001_name.from-<first 12 digits of the former SHA-256>.sql` leads from its former end to its
 * present one; it is applied in its place where the former one is.
 */
export async function migrate(db: Database, sources: readonly MigrationSource[]): Promise<readonly string[]> {
  const files = await readMigrations(sources);
  return await db.transaction(async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
    await tx.query(`CREATE TABLE IF NOT EXISTS schema_migration (
      name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    const rows = await tx.query<{ name: string; checksum: string }>(
      'SELECT name, checksum FROM schema_migration',
    );
    const applied = new Map(rows.map((row) => [row.name, row.checksum]));
    const done: string[] = [];
    for (const file of files) {
      const sql = whatIsMissing(file, applied.get(file.name));
      if (sql === undefined) continue;
      if (sql === 'unknown') throw await changed(tx, file, applied.get(file.name) ?? '');
      await tx.query(sql);
      await tx.query(
        `INSERT INTO schema_migration (name, checksum) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = now()`,
        [file.name, file.checksum],
      );
      done.push(file.name);
    }
    return done;
  });
}

function whatIsMissing(file: MigrationFile, applied: string | undefined): string | undefined {
  if (applied === file.checksum) return undefined;
  if (applied === undefined) return file.sql;
  return file.upgrades.get(applied.slice(0, FORMER_DIGITS)) ?? 'unknown';
}

async function changed(tx: Queryable, file: MigrationFile, applied: string): Promise<PlatformError> {
  const [row] = await tx.query<{ database: string }>('SELECT current_database() AS database');
  return new PlatformError(
    'POSTGRES_MIGRATION_CHANGED',
    `migration ${file.name} was changed after it had been applied to the database ${row?.database} (SHA-256 ${applied.slice(0, FORMER_DIGITS)}… there, ${file.checksum.slice(0, FORMER_DIGITS)}… in the file). Nothing was changed: put the file back as it was, and what is new into another one with the next number. Where the data are of no use, \`flotilla down --reset\` begins afresh`,
    { details: { database: row?.database, migration: file.name } },
  );
}

export interface MigrationFile {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
  /** What leads here from a former text of the file, by the beginning of its checksum. */
  readonly upgrades: ReadonlyMap<string, string>;
}

const FORMER_DIGITS = 12;
const UPGRADE = new RegExp(`^(.+)\\.from-([0-9a-f]{${FORMER_DIGITS}})\\.sql$`);

/** All files of all sources, in the order in which they are applied. */
export async function readMigrations(sources: readonly MigrationSource[]): Promise<readonly MigrationFile[]> {
  return (await Promise.all(sources.map(readSource))).flat();
}

async function readSource(source: MigrationSource): Promise<MigrationFile[]> {
  const names = (await readdir(source.directory)).filter((name) => name.endsWith('.sql')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(source.directory, name), 'utf8')));
  const upgradesOf = (name: string) =>
    names.flatMap((other, index) => {
      const [, of, former = ''] = UPGRADE.exec(other) ?? [];
      return of === name ? [[former, texts[index] ?? ''] as const] : [];
    });
  return names.flatMap((file, index) => {
    if (UPGRADE.test(file)) return [];
    const [name, sql = ''] = [basename(file, '.sql'), texts[index]];
    const checksum = createHash('sha256').update(sql).digest('hex');
    return [{ name: `${source.name}/${name}`, sql, checksum, upgrades: new Map(upgradesOf(name)) }];
  });
}

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PlatformError } from '@flotilla/kernel';
import type { Database } from './database.ts';

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
 * applied is refused (`POSTGRES_MIGRATION_CHANGED`): add a new one instead.
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
    const fresh = files.filter((file) => isNew(file, applied.get(file.name)));
    for (const file of fresh) {
      await tx.query(file.sql);
      await tx.query('INSERT INTO schema_migration (name, checksum) VALUES ($1, $2)', [
        file.name,
        file.checksum,
      ]);
    }
    return fresh.map((file) => file.name);
  });
}

export interface MigrationFile {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** All files of all sources, in the order in which they are applied. */
export async function readMigrations(sources: readonly MigrationSource[]): Promise<readonly MigrationFile[]> {
  return (await Promise.all(sources.map(readSource))).flat();
}

async function readSource(source: MigrationSource): Promise<MigrationFile[]> {
  const names = (await readdir(source.directory)).filter((name) => name.endsWith('.sql')).sort();
  return await Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(source.directory, name), 'utf8');
      return {
        name: `${source.name}/${basename(name, '.sql')}`,
        sql,
        checksum: createHash('sha256').update(sql).digest('hex'),
      };
    }),
  );
}

function isNew(file: MigrationFile, applied: string | undefined): boolean {
  if (applied !== undefined && applied !== file.checksum) {
    throw new PlatformError(
      'POSTGRES_MIGRATION_CHANGED',
      `migration ${file.name} was changed after it had been applied`,
    );
  }
  return applied === undefined;
}

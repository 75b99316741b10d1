import { createHash } from 'node:crypto';
import { glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createDatabase, type Database, databaseUri, migrate } from '@flotilla/postgres';
import { startEmbeddedPostgres } from '@flotilla/postgres/embedded';

/** A system as a former release left it, written by `scripts/keep-system.ts`. */
export interface KeptSystem {
  /** The file. */
  readonly secrets: string;
  /** What that release noted about them. */
  readonly roles: Readonly<Record<string, string>>;
  /** `rows`: a JSON array for each table. */
  readonly databases: Readonly<
    Record<string, { readonly note: string; readonly rows: Readonly<Record<string, string>> }>
  >;
}

const ROOT = join(import.meta.dirname, '../..');

/** Makes a data directory of it, schema by the migrations that it had applied, and stops the server. */
export async function restoreKeptSystem(file: string, dataDir: string): Promise<void> {
  const kept = JSON.parse(gunzipSync(await readFile(file)).toString()) as KeptSystem;
  await mkdir(join(dataDir, 'logs'), { recursive: true });
  await writeFile(join(dataDir, 'secrets.json'), kept.secrets, { mode: 0o600 });
  const secrets = JSON.parse(kept.secrets) as Record<string, string>;
  const server = await startEmbeddedPostgres({
    dataDir: join(dataDir, 'postgres', 'data'),
    logFile: join(dataDir, 'logs', 'postgres-1.log'),
  });
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-kept-'));
  try {
    await at(server.adminUri, async (admin) => {
      for (const [name, note] of Object.entries(kept.roles)) {
        await admin.query(`CREATE ROLE "${name}" LOGIN PASSWORD '${secrets[`database ${name}`]}'`);
        await admin.query(`COMMENT ON ROLE "${name}" IS '${note}'`);
      }
      const files = await migrationsByChecksum();
      for (const [name, { note, rows }] of Object.entries(kept.databases)) {
        await admin.query(`CREATE DATABASE "${name}"`);
        await admin.query(`COMMENT ON DATABASE "${name}" IS '${note}'`);
        await at(databaseUri(server.adminUri, name), async (db) => {
          await applyRecorded(db, rows['schema_migration'] ?? '[]', files, join(folder, name));
          await fill(db, rows);
        });
      }
    });
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
}

async function at(uri: string, work: (db: Database) => Promise<unknown>): Promise<void> {
  const db = createDatabase({
    uri,
    applicationName: 'kept-system',
    maxConnections: 1,
    acquireTimeoutMs: 30_000,
  });
  await work(db).finally(() => db.close());
}

/** Of today, and the former texts that are kept as fixtures. */
async function migrationsByChecksum(): Promise<ReadonlyMap<string, string>> {
  const patterns = ['{platform,shop}/*/migrations*/**/*.sql', 'platform/messaging/test/fixture/*.sql'];
  const found = new Map<string, string>();
  for await (const path of glob(patterns, { cwd: ROOT })) {
    const sql = await readFile(join(ROOT, path), 'utf8');
    found.set(createHash('sha256').update(sql).digest('hex'), sql);
  }
  return found;
}

async function applyRecorded(
  db: Database,
  recorded: string,
  files: ReadonlyMap<string, string>,
  folder: string,
): Promise<void> {
  const records = JSON.parse(recorded) as { name: string; checksum: string; applied_at: string }[];
  for (const { name, checksum } of records) {
    const sql = files.get(checksum);
    if (sql === undefined) throw new Error(`the text of ${name} with SHA-256 ${checksum} is not kept`);
    await mkdir(join(folder, dirname(name)), { recursive: true });
    await writeFile(join(folder, `${name}.sql`), sql);
  }
  const sources = [...new Set(records.map(({ name }) => dirname(name)))];
  await migrate(
    db,
    sources.map((name) => ({ name: basename(name), directory: join(folder, name) })),
  );
}

async function fill(db: Database, rows: Readonly<Record<string, string>>): Promise<void> {
  const tables = await db.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
  );
  await db.transaction(async (tx) => {
    await tx.query("SET LOCAL session_replication_role = 'replica'"); // the order of the tables does not matter
    await tx.query(`TRUNCATE ${tables.map(({ name }) => name).join(', ')}`);
    for (const [table, json] of Object.entries(rows))
      await tx.query(
        `INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::${table}, $1)`,
        [json],
      );
    await tx.query(`DO $$ DECLARE c record; BEGIN
      FOR c IN SELECT attrelid::regclass AS t, attname AS a FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE attidentity <> '' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), coalesce(max(%I), 0) + 1, false) FROM %s', c.t, c.a, c.a, c.t);
      END LOOP; END $$`);
  });
}

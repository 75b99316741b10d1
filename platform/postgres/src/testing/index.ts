import { createHash, randomUUID } from 'node:crypto';
import type { Acting } from '../acting.ts';
import { createDatabase, type Database } from '../database.ts';
import { toPostgresError } from '../errors.ts';
import { type MigrationSource, migrate, readMigrations } from '../migrate.ts';
import { databaseUri } from '../provision.ts';

export { hasPooler, startTestPooler, type TestPooler } from './pooler.ts';

/** Tests share a server and a busy machine. */
const PATIENT = { acquireTimeoutMs: 30_000, statementTimeoutMs: 30_000 };

export interface TestDatabase {
  readonly db: Database;
  /** Of this database, as the owner of its tables. */
  readonly uri: string;
  /** Of the test server's maintenance database. */
  readonly adminUri: string;
  /**
   * A pool with a role like that of a service: it reads and writes rows, and owns no table, so row security holds for it as it does in
   * production. Closed with this database.
   */
  asService(acting: () => Acting | undefined): Promise<Database>;
  /** Closes `db` and drops the database, whoever is still connected. */
  close(): Promise<void>;
}

/** A fresh, migrated database on the test server that `npm test` starts. */
export async function createTestDatabase(sources: readonly MigrationSource[] = []): Promise<TestDatabase> {
  const adminUri = testServerUri();
  const name = newName();
  await withAdmin(adminUri, (admin) => createMigrated(admin, adminUri, name, sources));
  const uri = databaseUri(adminUri, name);
  const db = createDatabase({ uri, applicationName: 'test', ...PATIENT });
  const opened = [db];
  return {
    db,
    uri,
    adminUri,
    asService: async (acting) => {
      const role = await serviceRole(db);
      const service = createDatabase({
        uri: databaseUri(adminUri, name, role),
        applicationName: 'test',
        ...PATIENT,
        acting,
      });
      opened.push(service);
      return service;
    },
    close: async () => {
      await Promise.all(opened.map((one) => one.close()));
      await withAdmin(adminUri, (admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`));
    },
  };
}

const SERVICE_ROLE = { name: 'test_service', password: 'test_service' };

/** One role of the server for all tests; on each database it gets what provisioning gives a service. */
async function serviceRole(owner: Database): Promise<typeof SERVICE_ROLE> {
  const { name, password } = SERVICE_ROLE;
  const create = `CREATE ROLE ${name} LOGIN PASSWORD '${password}'`;
  await owner.query(create).catch((error: unknown) => {
    if (!['42710', '23505'].includes(String(sqlStateOf(error)))) throw error;
  });
  await owner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${name};
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO ${name}`);
  return SERVICE_ROLE;
}

/** Administrator's URI of the server that tests share. */
export function testServerUri(): string {
  const uri = process.env['FLOTILLA_TEST_POSTGRES'];
  if (uri === undefined || uri === '')
    throw new Error('this test needs a PostgreSQL server: run it with `npm test -- <file>`');
  return uri;
}

/** Copying is quicker than migrating: the first database of a schema stays on the server as the template of the others. */
async function createMigrated(
  admin: Database,
  adminUri: string,
  name: string,
  sources: readonly MigrationSource[],
): Promise<void> {
  const files = await readMigrations(sources);
  const schema = JSON.stringify(files.map((file) => [file.name, file.checksum]));
  const template = `template_${createHash('sha256').update(schema).digest('hex').slice(0, 32)}`;
  // File by file takes half as much of the processor as block by block, and less of every first connection.
  const copy = () => admin.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
  try {
    await copy();
  } catch (error) {
    if (sqlStateOf(error) !== NO_SUCH_DATABASE) throw error;
    await createTemplate(admin, adminUri, template, sources);
    await copy();
  }
}

/** Under another name until it is complete. Of several processes that make it at the same time, the first one wins. */
async function createTemplate(
  admin: Database,
  adminUri: string,
  template: string,
  sources: readonly MigrationSource[],
): Promise<void> {
  const unfinished = newName();
  await admin.query(`CREATE DATABASE ${unfinished} TEMPLATE template0`);
  try {
    const db = createDatabase({
      uri: databaseUri(adminUri, unfinished),
      applicationName: 'test-template',
      ...PATIENT,
    });
    await migrate(db, sources).finally(() => db.close());
    await admin.query(`ALTER DATABASE ${unfinished} RENAME TO ${template}`);
  } catch (error) {
    await admin.query(`DROP DATABASE ${unfinished} WITH (FORCE)`);
    if (!NAME_TAKEN.includes(sqlStateOf(error))) throw error;
  }
}

const NO_SUCH_DATABASE = '3D000';
/** The second where both looked at the same moment. */
const NAME_TAKEN: readonly unknown[] = ['42P04', '23505'];

function sqlStateOf(error: unknown): unknown {
  return toPostgresError(error).details?.['sqlState'];
}

function newName(): string {
  return `test_${randomUUID().replaceAll('-', '')}`;
}

async function withAdmin(adminUri: string, work: (admin: Database) => Promise<unknown>): Promise<void> {
  const admin = createDatabase({
    uri: adminUri,
    applicationName: 'test-admin',
    maxConnections: 1,
    ...PATIENT,
  });
  try {
    await work(admin);
  } finally {
    await admin.close();
  }
}

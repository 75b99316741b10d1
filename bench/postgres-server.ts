import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createDatabase,
  type Database,
  databaseUri,
  type MigrationSource,
  provision,
} from '@flotilla/postgres';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from '@flotilla/postgres/embedded';

/** The one PostgreSQL that everything in a run uses: fsync on, the settings that every user gets. */
export interface PostgresServer {
  readonly pid: number;
  readonly adminUri: string;
  /** Makes a database and a role of the same name that may use it; returns the role's URI. */
  database(
    name: string,
    migrations: readonly MigrationSource[],
    alsoFor?: readonly string[],
  ): Promise<string>;
  /** URI of a database for one of the roles that may use it. */
  uriFor(database: string, role: string): string;
  /** As superuser in the given database. */
  sql(database: string, statement: string): Promise<Record<string, unknown>[]>;
  drop(names: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

const PASSWORD = 'bench';
const SYSTEM_ID = '0'.repeat(32);
const LONG_MS = 600_000;

export async function startPostgresServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-bench-'));
  await chmod(folder, 0o755); // the server does not run as root
  const dataDir = join(folder, 'data');
  const server = await startEmbeddedPostgres({ dataDir, logFile: join(folder, 'postgres.log'), settings });
  const { adminUri } = server;
  const uriFor = (database: string, role: string) =>
    databaseUri(adminUri, database, { name: role, password: PASSWORD });

  return {
    pid: server.pid,
    adminUri,
    uriFor,
    database: async (name, migrations, alsoFor = []) => {
      const roles = [name, ...alsoFor];
      await provision(adminUri, {
        systemId: SYSTEM_ID,
        roles: roles.map((role) => ({ name: role, password: PASSWORD })),
        databases: [{ name, migrations, roles }],
      });
      return uriFor(name, name);
    },
    sql: (database, statement) =>
      withAdmin(databaseUri(adminUri, database), (admin) => admin.query(statement)),
    drop: (names) =>
      withAdmin(adminUri, async (admin) => {
        for (const name of names) await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
    stop: async () => {
      await server.stop();
      await removeEmbeddedPostgres(dataDir);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function withAdmin<T>(uri: string, work: (admin: Database) => Promise<T>): Promise<T> {
  const options = { applicationName: 'bench-admin', maxConnections: 1, statementTimeoutMs: LONG_MS };
  const admin = createDatabase({ uri, ...options });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

import { randomUUID } from 'node:crypto';
import { createDatabase, type Database } from './database.ts';
import { type MigrationSource, migrate } from './migrate.ts';
import { databaseUri } from './provision.ts';

export interface TestDatabase {
  readonly db: Database;
  /** Of this database, as the owner of its tables. */
  readonly uri: string;
  /** Of the test server's maintenance database. */
  readonly adminUri: string;
  /** Closes `db` and drops the database, whoever is still connected. */
  close(): Promise<void>;
}

/** A fresh, migrated database on the test server that `npm test` starts. */
export async function createTestDatabase(sources: readonly MigrationSource[] = []): Promise<TestDatabase> {
  const adminUri = testServerUri();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asAdmin(adminUri, `CREATE DATABASE ${name} TEMPLATE template0`);
  const uri = databaseUri(adminUri, name);
  const db = createDatabase({ uri, applicationName: 'test' });
  await migrate(db, sources);
  return {
    db,
    uri,
    adminUri,
    close: async () => {
      await db.close();
      await asAdmin(adminUri, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Administrator's URI of the server that tests share. */
export function testServerUri(): string {
  const uri = process.env['FLOTILLA_TEST_POSTGRES'];
  if (uri === undefined || uri === '')
    throw new Error('this test needs a PostgreSQL server: run it with `npm test -- <file>`');
  return uri;
}

async function asAdmin(adminUri: string, sql: string): Promise<void> {
  const admin = createDatabase({
    uri: adminUri,
    applicationName: 'test-admin',
    maxConnections: 1,
    statementTimeoutMs: 30_000,
  });
  try {
    await admin.query(sql);
  } finally {
    await admin.close();
  }
}

import { createHash } from 'node:crypto';
import { PlatformError } from '@flotilla/kernel';
import { createDatabase, type Database } from './database.ts';
import type { PostgresErrorCode } from './errors.ts';
import { type MigrationSource, migrate, readMigrations } from './migrate.ts';

export interface ProvisionedRole {
  readonly name: string;
  readonly password: string;
}

export interface ProvisionedDatabase {
  readonly name: string;
  /** Applied by the administrator, who owns every table. */
  readonly migrations: readonly MigrationSource[];
  /** Roles that may connect: they read and write rows, and cannot create, alter or drop anything. */
  readonly roles: readonly string[];
}

export interface ProvisionPlan {
  readonly roles: readonly ProvisionedRole[];
  readonly databases: readonly ProvisionedDatabase[];
}

/**
 * Makes the databases and roles of a plan on a server, and brings the schemas up to date. Idempotent; a database
 * whose plan has not changed costs nothing but its line in one query. Needs a superuser, or a role with CREATEDB
 * and CREATEROLE. Every role reaches only the databases that name it. A role or database of the same name that
 * somebody else made is refused (`POSTGRES_NAME_TAKEN`).
 */
export async function provision(adminUri: string, plan: ProvisionPlan): Promise<void> {
  const admin = openAdmin(adminUri, 4);
  try {
    const done = await readFingerprints(admin);
    for (const role of plan.roles) await ensureRole(admin, role, done.get(`role ${role.name}`));
    await Promise.all(
      plan.databases.map((database) =>
        ensureDatabase(admin, adminUri, database, done.get(`database ${database.name}`)),
      ),
    );
  } finally {
    await admin.close();
  }
}

/** `postgres://…/postgres` → the same server, another database, and another role if given. */
export function databaseUri(adminUri: string, database: string, role?: ProvisionedRole): string {
  const uri = new URL(adminUri);
  uri.pathname = `/${encodeURIComponent(database)}`;
  if (role) {
    uri.username = encodeURIComponent(role.name);
    uri.password = encodeURIComponent(role.password);
  }
  return uri.href;
}

/** What was done is noted as a comment on the object itself, so it disappears together with it. */
async function readFingerprints(admin: Database): Promise<Map<string, string | null>> {
  const rows = await admin.query<{ object: string; note: string | null }>(`
    SELECT 'role ' || rolname AS object, shobj_description(oid, 'pg_authid') AS note FROM pg_roles
    UNION ALL
    SELECT 'database ' || datname, shobj_description(oid, 'pg_database') FROM pg_database`);
  return new Map(rows.map((row) => [row.object, row.note]));
}

async function ensureRole(
  admin: Database,
  role: ProvisionedRole,
  done: string | null | undefined,
): Promise<void> {
  const fingerprint = hash(role);
  if (done === fingerprint) return;
  if (done !== undefined && !isOurs(done)) throw taken('role', role.name);
  const name = quoteName(role.name);
  const attributes = `LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${quoteText(role.password)}`;
  await admin.transaction(async (tx) => {
    await tx.query(`${done === undefined ? 'CREATE' : 'ALTER'} ROLE ${name} ${attributes}`);
    await tx.query(`COMMENT ON ROLE ${name} IS ${quoteText(fingerprint)}`);
  });
}

/** Deletes what `provision` made of a plan, rows and all. What is not there, or not ours, is left alone. */
export async function deprovision(adminUri: string, plan: ProvisionPlan): Promise<void> {
  const admin = openAdmin(adminUri, 1);
  try {
    const done = await readFingerprints(admin);
    for (const { name } of plan.databases) {
      if (isOurs(done.get(`database ${name}`)))
        await admin.query(`DROP DATABASE ${quoteName(name)} WITH (FORCE)`);
    }
    for (const { name } of plan.roles) {
      if (isOurs(done.get(`role ${name}`))) await admin.query(`DROP ROLE ${quoteName(name)}`);
    }
  } finally {
    await admin.close();
  }
}

async function ensureDatabase(
  admin: Database,
  adminUri: string,
  plan: ProvisionedDatabase,
  done: string | null | undefined,
): Promise<void> {
  const files = await readMigrations(plan.migrations);
  const fingerprint = hash([GRANTS, plan.roles, files.map((file) => [file.name, file.checksum])]);
  if (done === fingerprint) return;
  const name = quoteName(plan.name);
  if (done === undefined) await admin.query(`CREATE DATABASE ${name} TEMPLATE template0`);
  const own = openAdmin(databaseUri(adminUri, plan.name), 1);
  try {
    if (done !== undefined && !isOurs(done) && !(await isUnfinished(own))) throw taken('database', plan.name);
    await admin.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`);
    await revokeOthers(admin, plan);
    await own.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    for (const role of plan.roles) await own.query(grants(name, quoteName(role)));
    await migrate(own, plan.migrations);
  } finally {
    await own.close();
  }
  await admin.query(`COMMENT ON DATABASE ${name} IS ${quoteText(fingerprint)}`);
}

/** A role that left the plan loses its way in; without it the rest of its rights is of no use. */
async function revokeOthers(admin: Database, plan: ProvisionedDatabase): Promise<void> {
  const others = await admin.query<{ name: string }>(
    `SELECT DISTINCT grantee.rolname AS name
     FROM pg_database, aclexplode(datacl) AS acl JOIN pg_roles AS grantee ON grantee.oid = acl.grantee
     WHERE datname = $1 AND acl.grantee <> datdba AND NOT grantee.rolname = ANY ($2)`,
    [plan.name, plan.roles],
  );
  for (const other of others) {
    await admin.query(`REVOKE ALL ON DATABASE ${quoteName(plan.name)} FROM ${quoteName(other.name)}`);
  }
}

const GRANTS = [
  'TABLES: SELECT, INSERT, UPDATE, DELETE',
  'SEQUENCES: USAGE, SELECT',
  'FUNCTIONS: EXECUTE',
] as const;

/** Rights on what is there and, by default privileges, on what later migrations create. */
function grants(database: string, role: string): string {
  const rights = GRANTS.map((line) => line.split(': ') as [objects: string, rights: string]);
  return [
    `GRANT CONNECT ON DATABASE ${database} TO ${role}`,
    `GRANT USAGE ON SCHEMA public TO ${role}`,
    ...rights.map(([objects, right]) => `GRANT ${right} ON ALL ${objects} IN SCHEMA public TO ${role}`),
    ...rights.map(
      ([objects, right]) =>
        `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ${right} ON ${objects} TO ${role}`,
    ),
  ].join('; ');
}

/** Made by us, and the process ended before it could be noted: nothing in it but what a migration leaves. */
async function isUnfinished(own: Database): Promise<boolean> {
  const [row] = await own.query<{ unfinished: boolean }>(`
    SELECT to_regclass('public.schema_migration') IS NOT NULL OR NOT EXISTS (
      SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema') AS unfinished`);
  return row?.unfinished === true;
}

function taken(kind: 'role' | 'database', name: string): PlatformError<PostgresErrorCode> {
  return new PlatformError(
    'POSTGRES_NAME_TAKEN',
    `the server already has a ${kind} ${name} that was not made here: it is left alone; use another server`,
  );
}

function openAdmin(uri: string, maxConnections: number): Database {
  return createDatabase({
    // Done once and before anything can run: on a busy machine a new server may take its time.
    acquireTimeoutMs: 30_000,
    uri,
    applicationName: 'flotilla-provision',
    maxConnections,
    statementTimeoutMs: 60_000,
  });
}

const NOTE = 'flotilla ';

function isOurs(note: string | null | undefined): boolean {
  return note?.startsWith(NOTE) === true;
}

function hash(value: unknown): string {
  return `${NOTE}${createHash('sha256').update(JSON.stringify(value)).digest('base64url')}`;
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

import { createHash } from 'node:crypto';
import { createDatabase, type Database } from './database.ts';
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
 * and CREATEROLE. Every role reaches only the databases that name it.
 */
export async function provision(adminUri: string, plan: ProvisionPlan): Promise<void> {
  const admin = createDatabase({
    uri: adminUri,
    applicationName: 'flotilla-provision',
    maxConnections: 4,
    statementTimeoutMs: 60_000,
  });
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
  const name = quoteName(role.name);
  const attributes = `LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${quoteText(role.password)}`;
  await admin.query(`${done === undefined ? 'CREATE' : 'ALTER'} ROLE ${name} ${attributes}`);
  await admin.query(`COMMENT ON ROLE ${name} IS ${quoteText(fingerprint)}`);
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
  await admin.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`);
  await revokeOthers(admin, plan);
  const own = createDatabase({
    uri: databaseUri(adminUri, plan.name),
    applicationName: 'flotilla-provision',
    maxConnections: 1,
    statementTimeoutMs: 60_000,
  });
  try {
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

function hash(value: unknown): string {
  return `flotilla ${createHash('sha256').update(JSON.stringify(value)).digest('base64url')}`;
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

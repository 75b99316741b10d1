import { PlatformError } from '@flotilla/kernel';
import { createDatabase, type Database } from './database.ts';
import { type PostgresErrorCode, toPostgresError } from './errors.ts';
import { type MigrationSource, migrate, readMigrations } from './migrate.ts';
import {
  fingerprintOf,
  type Note,
  type Notes,
  noteText,
  type ObjectKind,
  readNotes,
} from './provision-note.ts';

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
  /** Roles that may connect and read every table, and do nothing else. Default: none. */
  readonly readers?: readonly string[];
}

export interface ProvisionPlan {
  /** Of the system that owns all of it, 32 hexadecimal digits: what bears another one is left alone. */
  readonly systemId: string;
  readonly roles: readonly ProvisionedRole[];
  readonly databases: readonly ProvisionedDatabase[];
}

/** What a system has on a server. */
export interface Provisioned {
  readonly databases: readonly string[];
  readonly roles: readonly string[];
}

/**
 * Makes the databases and roles of a plan on a server, and brings the schemas up to date. Idempotent; a database
 * whose plan has not changed costs nothing but its line in one query. Needs a superuser, or a role with CREATEDB
 * and CREATEROLE. Every role reaches only the databases that name it. When the server has a role or database of the
 * same name that this system did not make, nothing is changed (`POSTGRES_NAME_TAKEN`).
 */
export async function provision(adminUri: string, plan: ProvisionPlan): Promise<void> {
  const admin = openAdmin(adminUri, 4);
  try {
    const notes = await readNotes(admin);
    refuseForeign(plan, notes);
    for (const role of plan.roles) await ensureRole(admin, plan, role, notes);
    await Promise.all(
      plan.databases.map((database) => ensureDatabase(admin, adminUri, plan, database, notes)),
    );
  } finally {
    await admin.close();
  }
}

/** Everything on a server that bears the plan's system id, also what is in the plan no longer. */
export async function findProvisioned(adminUri: string, plan: ProvisionPlan): Promise<Provisioned> {
  const admin = openAdmin(adminUri, 1);
  try {
    return await owned(admin, plan);
  } finally {
    await admin.close();
  }
}

/** Deletes all of that, rows and all; returns what it was. */
export async function deprovision(adminUri: string, plan: ProvisionPlan): Promise<Provisioned> {
  const admin = openAdmin(adminUri, 1);
  try {
    const found = await owned(admin, plan);
    for (const name of found.databases) await admin.query(`DROP DATABASE ${quoteName(name)} WITH (FORCE)`);
    for (const name of found.roles) await admin.query(`DROP ROLE ${quoteName(name)}`);
    return found;
  } finally {
    await admin.close();
  }
}

async function owned(admin: Database, plan: ProvisionPlan): Promise<Provisioned> {
  const notes = await readNotes(admin);
  const named = (kind: ObjectKind) =>
    [...notes.keys()]
      .filter((key) => key.startsWith(`${kind} `))
      .map((key) => key.slice(kind.length + 1))
      .sort();
  return {
    databases: named('database').filter((name) => ownsDatabase(plan, notes, name)),
    roles: named('role').filter((name) => ownsRole(plan, notes, name)),
  };
}

/** Which server it is, whatever it is called; its address where it may not be asked. And that address, without a secret. */
export async function identifyServer(
  adminUri: string,
): Promise<{ readonly id: string; readonly address: string }> {
  const { hostname, port, searchParams } = new URL(adminUri);
  const address = searchParams.get('host') ?? `${hostname}:${port || 5432}`;
  const admin = openAdmin(adminUri, 1);
  try {
    const [row] = await admin.query<{ id: string | null }>(`
      SELECT CASE WHEN has_function_privilege('pg_control_system()', 'execute')
        THEN (SELECT system_identifier::text FROM pg_control_system()) END AS id`);
    return { id: row?.id ?? address, address };
  } finally {
    await admin.close();
  }
}

function refuseForeign(plan: ProvisionPlan, notes: Notes): void {
  const foreign = (kind: ObjectKind, name: string) => taken(kind, name, notes.get(`${kind} ${name}`), plan);
  for (const { name } of plan.roles) {
    if (notes.has(`role ${name}`) && !ownsRole(plan, notes, name)) throw foreign('role', name);
  }
  for (const { name } of plan.databases) {
    // One without a note may be ours, if it is empty: that is looked at later.
    if (notes.get(`database ${name}`) && !ownsDatabase(plan, notes, name)) throw foreign('database', name);
  }
}

/** A note of an older release has no system: that its password is the plan's proves that it is the same. */
function ownsRole(plan: ProvisionPlan, notes: Notes, name: string): boolean {
  const note = notes.get(`role ${name}`);
  if (note?.systemId !== undefined) return note.systemId === plan.systemId;
  const role = plan.roles.find((one) => one.name === name);
  return role !== undefined && note?.fingerprint === fingerprintOf(role);
}

/** One of an older release belongs to whom its roles belong. */
function ownsDatabase(plan: ProvisionPlan, notes: Notes, name: string): boolean {
  const note = notes.get(`database ${name}`);
  if (note === undefined) return false;
  if (note.systemId !== undefined) return note.systemId === plan.systemId;
  const planned = plan.databases.find((one) => one.name === name);
  return planned?.roles.some((role) => ownsRole(plan, notes, role)) === true;
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

async function ensureRole(
  admin: Database,
  { systemId }: ProvisionPlan,
  role: ProvisionedRole,
  notes: Notes,
): Promise<void> {
  const note = notes.get(`role ${role.name}`);
  const fingerprint = fingerprintOf(role);
  if (note?.systemId === systemId && note.fingerprint === fingerprint) return;
  const name = quoteName(role.name);
  const attributes = `LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${quoteText(role.password)}`;
  await admin.transaction(async (tx) => {
    await tx.query(`${note === undefined ? 'CREATE' : 'ALTER'} ROLE ${name} ${attributes}`);
    await tx.query(`COMMENT ON ROLE ${name} IS ${quoteText(noteText(systemId, fingerprint))}`);
  });
}

async function ensureDatabase(
  admin: Database,
  adminUri: string,
  { systemId }: ProvisionPlan,
  plan: ProvisionedDatabase,
  notes: Notes,
): Promise<void> {
  const files = await readMigrations(plan.migrations);
  const fingerprint = fingerprintOf([
    GRANTS,
    plan.roles,
    files.map((file) => [file.name, file.checksum]),
    ...(plan.readers ? [plan.readers] : []),
  ]);
  const note = notes.get(`database ${plan.name}`);
  if (note?.systemId === systemId && note.fingerprint === fingerprint) return;
  const name = quoteName(plan.name);
  const mark = (text: string) => admin.query(`COMMENT ON DATABASE ${name} IS ${quoteText(text)}`);
  const isThere = notes.has(`database ${plan.name}`);
  if (!isThere) await createDatabaseFor(admin, plan.name, systemId);
  const own = openAdmin(databaseUri(adminUri, plan.name), 1);
  try {
    if (isThere && note === undefined && !(await isEmpty(own)))
      throw taken('database', plan.name, note, { systemId });
    await mark(noteText(systemId)); // before anything is in it
    await admin.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`);
    await revokeOthers(admin, plan);
    await own.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    for (const role of plan.roles) await own.query(grants(name, quoteName(role)));
    if (plan.readers) await own.query('ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC');
    await migrate(own, plan.migrations);
    if (plan.readers) await own.query(await readerGrants(own, name, plan.roles, plan.readers));
  } finally {
    await own.close();
  }
  await mark(noteText(systemId, fingerprint));
}

/** Another system may have been faster since the notes were read. */
async function createDatabaseFor(admin: Database, name: string, systemId: string): Promise<void> {
  await admin.query(`CREATE DATABASE ${quoteName(name)} TEMPLATE template0`).catch((error: unknown) => {
    const isTaken = ['42P04', '23505'].includes(String(toPostgresError(error).details['sqlState']));
    throw isTaken ? taken('database', name, undefined, { systemId }) : error;
  });
}

/** A role that left the plan loses its way in; without it the rest of its rights is of no use. */
async function revokeOthers(admin: Database, plan: ProvisionedDatabase): Promise<void> {
  const others = await admin.query<{ name: string }>(
    `SELECT DISTINCT grantee.rolname AS name
     FROM pg_database, aclexplode(datacl) AS acl JOIN pg_roles AS grantee ON grantee.oid = acl.grantee
     WHERE datname = $1 AND acl.grantee <> datdba AND NOT grantee.rolname = ANY ($2)`,
    [plan.name, [...plan.roles, ...(plan.readers ?? [])]],
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

/**
 * A reader must not do by a function what it may not do to a table, and PostgreSQL lets everybody call a new function:
 * with readers, functions are for the roles that are named.
 */
async function readerGrants(
  own: Database,
  database: string,
  roles: readonly string[],
  readers: readonly string[],
): Promise<string> {
  const rows = await own.query<{ name: string }>(
    "SELECT nspname AS name FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'",
  );
  return [
    ...readers.map((reader) => `GRANT CONNECT ON DATABASE ${database} TO ${quoteName(reader)}`),
    ...rows
      .map(({ name }) => quoteName(name))
      .flatMap((schema) => [
        `REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA ${schema} FROM PUBLIC`,
        ...roles.map((role) => `GRANT EXECUTE ON ALL ROUTINES IN SCHEMA ${schema} TO ${quoteName(role)}`),
        ...readers
          .map(quoteName)
          .flatMap((reader) => [
            `GRANT USAGE ON SCHEMA ${schema} TO ${reader}`,
            `GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${reader}`,
          ]),
      ]),
  ].join('; ');
}

/** Made by us, and the process ended before that could be noted: there is nothing in it. */
async function isEmpty(own: Database): Promise<boolean> {
  const [row] = await own.query<{ empty: boolean }>(`
    SELECT NOT EXISTS (
      SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema') AS empty`);
  return row?.empty === true;
}

function taken(
  kind: ObjectKind,
  name: string,
  note: Note | undefined,
  { systemId }: Pick<ProvisionPlan, 'systemId'>,
): PlatformError<PostgresErrorCode> {
  const whose =
    note?.systemId === undefined
      ? 'that was not made by this system'
      : `of another system (its comment names ${note.systemId}, this is ${systemId}; a system that lost its secrets is another one)`;
  const handOver = `COMMENT ON ${kind.toUpperCase()} ${quoteName(name)} IS ${quoteText(noteText(systemId))}`;
  return new PlatformError(
    'POSTGRES_NAME_TAKEN',
    `the server already has a ${kind} ${name} ${whose}. Nothing was changed: use another server, or, if it is to be this system's, run there: ${handOver}`,
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

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

import type pg from 'pg';
import type { Queryable } from './transaction.ts';

/** The server ends the session of a transaction in which nothing happens for so long. */
const IDLE_IN_TRANSACTION_MS = 30_000;

/** Of each session of a pool. */
export interface SessionSettings {
  readonly statementTimeoutMs: number;
  /** `undefined`: named in a session of our own, unnamed in a shared one. */
  readonly statements: 'named' | 'unnamed' | undefined;
  /** Work may be done in somebody's name. */
  readonly isActing: boolean;
}

export interface Session {
  /**
   * A pooler stands between us and the server and may run each transaction in another of the server's sessions
   * (PgBouncer in transaction mode): nothing may be left in one, and nothing is found again.
   */
  readonly isShared: boolean;
  /** Are statements prepared by name? */
  readonly isNaming: boolean;
  /** Begins a transaction. The isolation is stated: roles and databases may have another default. */
  readonly begin: string;
}

export const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED';

/** Times are read as ISO 8601 whatever the server, the database or the role has set. */
const FORMATS = { DateStyle: 'ISO, MDY', IntervalStyle: 'postgres' } as const;

const sessions = new WeakMap<pg.ClientBase, Session>();

/** Known once `openSession` has been through, as for every connection of a pool. */
export function sessionOf(client: pg.ClientBase): Session {
  return sessions.get(client) ?? { isShared: false, isNaming: false, begin: BEGIN };
}

/**
 * Lets a transaction wait between two statements for as long as `ms`, where that is longer than sessions usually may. For
 * work that has a limit of its own.
 */
export async function allowIdle(tx: Queryable, ms: number): Promise<void> {
  if (ms < IDLE_IN_TRANSACTION_MS) return;
  await tx.query("SELECT set_config('idle_in_transaction_session_timeout', $1, true)", [
    String(Math.ceil(ms)),
  ]);
}

/**
 * Does the server itself answer on this connection? It told us its process id when we connected; a pooler told us one of
 * its own.
 */
export async function isOwnSession(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid === toldProcessId(client);
}

/** Finds out what kind of session it is, and sets what it is to be like; a shared one is left as it is. */
export async function openSession(client: pg.ClientBase, settings: SessionSettings): Promise<Session> {
  const wanted = {
    statement_timeout: String(settings.statementTimeoutMs),
    idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
    ...FORMATS,
  };
  const { rows } = await client.query<{ is_own: boolean }>(SET_IF_OWN, [
    toldProcessId(client),
    Object.keys(wanted),
    Object.values(wanted),
  ]);
  const isShared = rows[0]?.is_own !== true;
  const local = Object.entries(wanted).map(([name, value]) => `; SET LOCAL ${name} = '${value}'`);
  const session = {
    isShared,
    isNaming: settings.statements === undefined ? !isShared : settings.statements === 'named',
    begin: isShared ? `${BEGIN}${local.join('')}` : BEGIN,
  };
  sessions.set(client, session);
  return session;
}

/** Not by startup parameters, which PgBouncer refuses. */
const SET_IF_OWN = `
  SELECT p.is_own, CASE WHEN p.is_own THEN (
    SELECT count(set_config(s.name, s.value, false)) FROM unnest($2::text[], $3::text[]) AS s (name, value)) END AS set
  FROM (SELECT pg_backend_pid() = $1::integer AS is_own) AS p`;

function toldProcessId(client: pg.ClientBase): number | null {
  return (client as pg.ClientBase & { readonly processID?: number | null }).processID ?? null;
}

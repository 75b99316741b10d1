import { createHash } from 'node:crypto';
import pg from 'pg';
import { ACT, type Acting, actText, actValues } from './acting.ts';
import { toPostgresError } from './errors.ts';
import { BEGIN, openSession, type SessionSettings, sessionOf } from './session.ts';

/** Values that may be bound to `$1`, `$2`, …; objects become `jsonb`, arrays PostgreSQL arrays. */
export type SqlValue =
  | string
  | number
  | bigint
  | boolean
  | Date
  | Buffer
  | null
  | readonly SqlValue[]
  | object;

/** With values it is prepared, once for each session of our own; without, it is sent as text and may be several statements. */
export interface Statement {
  readonly sql: string;
  readonly values?: readonly SqlValue[] | undefined;
}

export interface PreparedStatement extends Statement {
  readonly values: readonly SqlValue[];
}

export async function run<Row extends object>(on: pg.PoolClient, { sql, values }: Statement): Promise<Row[]> {
  try {
    const result = values ? await on.query<Row>(prepared(on, sql, values)) : await on.query<Row>(sql);
    return result.rows;
  } catch (error) {
    throw toPostgresError(error);
  }
}

/**
 * Outside of a transaction. In a shared session it gets one, which has the limits that the session has not. In somebody's name it is one
 * with the statement that says so: up to the next Sync, PostgreSQL takes what it is sent as one transaction.
 */
export async function runAlone<Row extends object>(
  on: pg.PoolClient,
  { sql, values }: Statement,
  acting: Acting | undefined,
): Promise<Row[]> {
  const { isShared } = sessionOf(on);
  if (acting === undefined && (!isShared || values === undefined)) return await run(on, { sql, values });
  if (!isShared && values !== undefined) return await runBehind(on, { sql, values }, actFirst(acting));
  return await runInTransaction(on, { sql, values }, acting);
}

async function runInTransaction<Row extends object>(
  on: pg.PoolClient,
  statement: Statement,
  acting: Acting | undefined,
): Promise<Row[]> {
  const [, result, ended] = await Promise.allSettled([
    on.query(beginText(on, acting)),
    run<Row>(on, statement),
    on.query('COMMIT'),
  ]);
  if (result.status === 'rejected') throw result.reason;
  if (ended.status === 'rejected') throw toPostgresError(ended.reason);
  return result.value;
}

export async function begin(on: pg.PoolClient, acting: Acting | undefined): Promise<object[]> {
  return await run(on, { sql: beginText(on, acting) });
}

function beginText(on: pg.ClientBase, acting: Acting | undefined): string {
  const { begin: text } = sessionOf(on);
  return acting === undefined ? text : `${text}; ${actText(acting)}`;
}

/** What each connection of a pool needs before its first use. */
export async function prepareConnection(client: pg.ClientBase, settings: SessionSettings): Promise<void> {
  const { isShared } = await openSession(client, settings);
  if (isShared) return;
  await Promise.all([
    client.query({ name: BEGIN_NAME, text: BEGIN }),
    client.query('COMMIT'),
    ...(settings.isActing ? [client.query({ name: ACT_NAME, text: ACT, values: ['', ''] })] : []),
  ]);
}

/**
 * BEGIN and the first statement of a transaction, in one round trip and as one unit of the protocol: up to the next Sync,
 * PostgreSQL skips what follows a failure, so the statement never runs outside of the transaction.
 */
export async function runAfterBegin<Row extends object>(
  client: pg.PoolClient,
  statement: PreparedStatement,
  acting: Acting | undefined,
): Promise<Row[]> {
  if (sessionOf(client).isShared) {
    await begin(client, acting);
    return await run(client, statement);
  }
  return await runBehind(client, statement, [{ statement: BEGIN_NAME }, ...actFirst(acting)]);
}

/** A statement that was prepared when the connection was opened, and returns no row. */
interface First {
  readonly statement: string;
  readonly values?: string[];
}

function actFirst(acting: Acting | undefined): readonly First[] {
  return acting === undefined ? [] : [{ statement: ACT_NAME, values: actValues(acting) }];
}

/** A statement and those before it, in one round trip and without a Sync between them. */
async function runBehind<Row extends object>(
  client: pg.PoolClient,
  { sql, values }: PreparedStatement,
  before: readonly First[],
): Promise<Row[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Row[]>();
  const query = new pg.Query<Row>(prepared(client, sql, values), (error, results) => {
    if (error) reject(toPostgresError(error));
    // One result for each of them.
    else resolve([results].flat().at(-1)?.rows ?? []);
  });
  const submit = query.submit.bind(query);
  query.submit = (connection) => {
    connection.stream.cork();
    try {
      for (const first of before) {
        connection.bind(first, true);
        connection.execute({}, true);
      }
      return submit(connection);
    } finally {
      connection.stream.uncork();
    }
  };
  client.query(query);
  return await promise;
}

const BEGIN_NAME = 'begin';
const ACT_NAME = 'act';

function prepared(on: pg.ClientBase, text: string, values: readonly SqlValue[]): pg.QueryConfig {
  const name = sessionOf(on).isNaming ? { name: statementName(text) } : {};
  return { ...name, text, values: values as unknown[] };
}

const names = new Map<string, string>();

/** Statement text is written by us and finite, so this cache is bounded by the size of the program. */
function statementName(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    name = createHash('sha1').update(sql).digest('base64url');
    names.set(sql, name);
  }
  return name;
}

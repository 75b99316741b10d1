import { createHash } from 'node:crypto';
import pg from 'pg';
import { toPostgresError } from './errors.ts';

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

/** With values it is prepared, once for each connection; without, it is sent as text and may be several statements. */
export interface Statement {
  readonly sql: string;
  readonly values?: readonly SqlValue[] | undefined;
}

export interface PreparedStatement extends Statement {
  readonly values: readonly SqlValue[];
}

export async function run<Row extends object>(
  on: pg.Pool | pg.PoolClient,
  { sql, values }: Statement,
): Promise<Row[]> {
  try {
    const result = values ? await on.query<Row>(prepared(sql, values)) : await on.query<Row>(sql);
    return result.rows;
  } catch (error) {
    throw toPostgresError(error);
  }
}

/** `runAfterBegin` needs it on each connection. */
export async function prepareBegin(client: pg.ClientBase): Promise<void> {
  await Promise.all([client.query({ name: BEGIN, text: 'BEGIN' }), client.query('COMMIT')]);
}

/**
 * BEGIN and the first statement of a transaction, in one round trip and as one unit of the protocol: up to the next Sync,
 * PostgreSQL skips what follows a failure, so the statement never runs outside of the transaction.
 */
export async function runAfterBegin<Row extends object>(
  client: pg.PoolClient,
  { sql, values }: PreparedStatement,
): Promise<Row[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Row[]>();
  const query = new pg.Query<Row>(prepared(sql, values), (error, results) => {
    if (error) reject(toPostgresError(error));
    // One result for each of the two.
    else resolve([results].flat().at(-1)?.rows ?? []);
  });
  const submit = query.submit.bind(query);
  query.submit = (connection) => {
    connection.stream.cork();
    try {
      connection.bind({ statement: BEGIN }, true);
      connection.execute({}, true);
      return submit(connection);
    } finally {
      connection.stream.uncork();
    }
  };
  client.query(query);
  return await promise;
}

const BEGIN = 'begin';

function prepared(text: string, values: readonly SqlValue[]): pg.QueryConfig {
  return { name: statementName(text), text, values: values as unknown[] };
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

import { createHash } from 'node:crypto';
import { type Clock, PlatformError, systemClock } from '@flotilla/kernel';
import pg from 'pg';
import { type PostgresErrorCode, toPostgresError } from './errors.ts';

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

/** Something that runs SQL: the pool, or one transaction. */
export interface Queryable {
  /** Runs one statement as a prepared statement and returns its rows. Errors are `PostgresError`s. */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly SqlValue[],
  ): Promise<Row[]>;
}

/** How rows that were deferred become one statement. Made once, as a constant: rows are collected by it. */
export interface DeferredRows<Row> {
  statementFor(rows: readonly Row[]): { readonly sql: string; readonly values: readonly SqlValue[] };
}

/** One open transaction. Do nothing remote while it is open. */
export interface Transaction extends Queryable {
  /**
   * Adds a row that is written at the end, in one statement with all others of its kind, which leaves together with COMMIT: a row
   * costs no round trip. Nothing in this transaction sees it. When it cannot be written, the transaction fails.
   */
  defer<Row>(kind: DeferredRows<Row>, row: Row): void;
  /** Runs once this transaction has committed, never after a rollback. For hints only: it may be lost in a crash. */
  afterCommit(hint: () => void): void;
  /** A nested savepoint: an error inside rolls back only its part, and is rethrown. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
}

export interface Database extends Queryable {
  /**
   * Runs `work` in a transaction at READ COMMITTED and commits, or rolls back and rethrows. A serialization
   * failure, a deadlock, or an error with `details.rerun: 'transaction'` makes it run again, up to 5 times with full
   * jitter, so `work` must not act on the outside.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** A dedicated connection outside the pool (for LISTEN). The caller ends it. */
  connect(): Promise<pg.Client>;
  /** Waits for running work, then closes all connections. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database` */
  readonly uri: string;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Connections at most. Default 8. */
  readonly maxConnections?: number;
  /** How long a caller waits for a free connection before `POSTGRES_POOL_EXHAUSTED`. Default 2,000 ms. */
  readonly acquireTimeoutMs?: number;
  /** Longest statement; longer ones are cancelled. Default 10,000 ms. */
  readonly statementTimeoutMs?: number;
  readonly clock?: Clock;
  /** Told of errors on idle connections (a restarted server); the pool replaces them by itself. */
  readonly onIdleError?: (error: Error) => void;
}

const RETRIES = 5;

export function createDatabase(options: DatabaseOptions): Database {
  const clock = options.clock ?? systemClock;
  const statementTimeoutMs = options.statementTimeoutMs ?? 10_000;
  const config: pg.PoolConfig = {
    connectionString: options.uri,
    application_name: options.applicationName,
    max: options.maxConnections ?? 8,
    connectionTimeoutMillis: options.acquireTimeoutMs ?? 2_000,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    pipeline: true, // deferred rows and COMMIT leave together
  };
  const pool = new pg.Pool(config);
  // Without a listener an error on an idle connection would end the process.
  pool.on('error', (error) => options.onIdleError?.(error));
  // And one on each connection: nobody listens to it for the moment in which it passes to the next waiter.
  pool.on('connect', (client) => client.on('error', () => undefined));

  async function once<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw toPostgresError(error);
    });
    const hints: (() => void)[] = [];
    const deferred = createDeferred();
    let broken: Error | undefined;
    // The pool listens to idle connections only: a server lost between two statements must not end the process.
    const onLost = (error: Error) => {
      broken = error;
    };
    client.on('error', onLost);
    try {
      await run(client, 'BEGIN');
      const result = await work(openTransaction(client, hints, deferred));
      await commit(client, deferred.statements());
      // Not in this stack: a hint that throws must not make a committed transaction look failed.
      for (const hint of hints) queueMicrotask(hint);
      return result;
    } catch (error) {
      // A connection that cannot even roll back is not returned to the pool.
      await client.query('ROLLBACK').catch((failed: Error) => {
        broken = failed;
      });
      throw error;
    } finally {
      client.off('error', onLost);
      client.release(broken);
    }
  }

  return {
    query: (sql, values) => run(pool, sql, values),
    transaction: async (work) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await once(work);
        } catch (error) {
          if (!isCuredByRerun(error) || attempt > RETRIES) throw error;
          await clock.sleep(Math.random() * 10 * 2 ** attempt);
        }
      }
    },
    connect: async () => {
      const client = new pg.Client({
        connectionString: options.uri,
        application_name: options.applicationName,
        keepAlive: true,
      });
      await client.connect();
      return client;
    },
    close: () => pool.end(),
  };
}

/** May the same work succeed in a new transaction, and only there? */
function isCuredByRerun(thrown: unknown): boolean {
  const { code, details } = toPostgresError(thrown);
  return code === 'POSTGRES_CONFLICT' || details['rerun'] === 'transaction';
}

interface Deferred {
  add<Row>(kind: DeferredRows<Row>, row: Row): void;
  /** Forgets what was added since `mark`. */
  mark(): number;
  rollBackTo(mark: number): void;
  statements(): readonly { readonly sql: string; readonly values: readonly SqlValue[] }[];
}

function createDeferred(): Deferred {
  const added: { readonly kind: DeferredRows<unknown>; readonly row: unknown }[] = [];
  return {
    // A kind only ever gets the rows that were added with it.
    add: (kind, row) => added.push({ kind: kind as DeferredRows<unknown>, row }),
    mark: () => added.length,
    rollBackTo: (mark) => {
      added.length = mark;
    },
    statements: () =>
      [...Map.groupBy(added, ({ kind }) => kind)].map(([kind, rows]) =>
        kind.statementFor(rows.map(({ row }) => row)),
      ),
  };
}

function openTransaction(client: pg.PoolClient, hints: (() => void)[], deferred: Deferred): Transaction {
  let depth = 0;
  return {
    query: (sql, values) => run(client, sql, values),
    defer: deferred.add,
    afterCommit: (hint) => hints.push(hint),
    savepoint: async (work) => {
      depth += 1;
      const name = `s${depth}`;
      const mark = deferred.mark();
      await run(client, `SAVEPOINT ${name}`);
      try {
        const result = await work();
        await run(client, `RELEASE SAVEPOINT ${name}`);
        return result;
      } catch (error) {
        deferred.rollBackTo(mark);
        await run(client, `ROLLBACK TO SAVEPOINT ${name}`);
        throw error;
      } finally {
        depth -= 1;
      }
    },
  };
}

/** After a failed statement PostgreSQL answers COMMIT with a rollback and no error: work that caught that failure must not pass. */
async function commit(
  client: pg.PoolClient,
  statements: readonly { readonly sql: string; readonly values: readonly SqlValue[] }[],
): Promise<void> {
  const last = statements.map(({ sql, values }) => run(client, sql, values));
  const ending = client.query('COMMIT').catch((error: unknown) => {
    throw toPostgresError(error);
  });
  // All of them are on their way: the first that failed is the reason, and then COMMIT was a rollback.
  const outcomes = await Promise.allSettled([...last, ending]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const { command } = await ending;
  if (command === 'COMMIT') return;
  throw new PlatformError<PostgresErrorCode>(
    'POSTGRES_QUERY_FAILED',
    'the transaction was rolled back: a statement in it had failed; use a savepoint to go on after one',
  );
}

async function run<Row extends object>(
  on: pg.Pool | pg.PoolClient,
  sql: string,
  values?: readonly SqlValue[],
): Promise<Row[]> {
  try {
    // Named statements are parsed and planned once per connection.
    const result = values
      ? await on.query<Row>({ name: statementName(sql), text: sql, values: values as unknown[] })
      : await on.query<Row>(sql);
    return result.rows;
  } catch (error) {
    throw toPostgresError(error);
  }
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

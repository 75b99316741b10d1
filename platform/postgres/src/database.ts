import { type Clock, systemClock } from '@flotilla/kernel';
import pg from 'pg';
import type { Acting } from './acting.ts';
import { isReadOnly, toPostgresError } from './errors.ts';
import { createWatch, type ObservedStatement } from './observe.ts';
import type { SessionSettings } from './session.ts';
import { prepareConnection, runAlone } from './statement.ts';
import { createTransaction, type Queryable, type Transaction } from './transaction.ts';

export interface Database extends Queryable {
  /**
   * Runs `work` in a transaction at READ COMMITTED, whatever the server's default, and commits, or rolls back and rethrows. A serialization
   * failure, a deadlock, or an error with `details.rerun: 'transaction'` makes it run again, up to 5 times with full
   * jitter, so `work` must not act on the outside.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** A dedicated connection outside the pool (for LISTEN). The caller ends it. */
  connect(): Promise<pg.Client>;
  /** Waits for running work, then closes all connections. */
  close(): Promise<void>;
}

export interface TransactionOptions {
  /** How often it is run again at most. Default 5. */
  readonly reruns?: number;
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
  /**
   * Whether statements are prepared by name, once for each session. Default: yes, but not where a pooler shares sessions. A
   * pooler that keeps track of them (PgBouncer from 1.21 on with `max_prepared_statements`) may be given `named`.
   */
  readonly statements?: 'named' | 'unnamed';
  /**
   * Asked at the start of each transaction, and of each statement outside of one: in whose name is it? Told to the server, where the policies of
   * tables compare it with the owners of rows. Default: always the system's.
   */
  readonly acting?: () => Acting | undefined;
  /** Told of each statement when it has ended, in the context of its caller. Must not throw. */
  readonly observe?: (statement: ObservedStatement) => void;
  readonly clock?: Clock;
  /** Told of errors on idle connections (a restarted server); the pool replaces them by itself. */
  readonly onIdleError?: (error: Error) => void;
}

/** Says that a connection is not to be returned to the pool. */
type Drop = (reason: Error) => void;

const RERUNS = 5;

/** Longer than the pauses of whatever works in the background: a connection costs as much as some dozen statements. */
const IDLE_MS = 60_000;

export function createDatabase(options: DatabaseOptions): Database {
  const clock = options.clock ?? systemClock;
  const settings: SessionSettings = {
    statementTimeoutMs: options.statementTimeoutMs ?? 10_000,
    statements: options.statements,
    isActing: options.acting !== undefined,
  };
  const config: pg.PoolConfig = {
    connectionString: options.uri,
    application_name: options.applicationName,
    max: options.maxConnections ?? 8,
    connectionTimeoutMillis: options.acquireTimeoutMs ?? 2_000,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    pipeline: true, // deferred rows and COMMIT leave together
    onConnect: (client) => prepareConnection(client, settings),
  };
  const { observed, watched } = createWatch(options.observe);
  const actingNow = () => options.acting?.();
  const pool = new pg.Pool(config);
  // Without a listener an error on an idle connection would end the process.
  pool.on('error', (error) => options.onIdleError?.(error));
  // And one on each connection: nobody listens to it for the moment in which it passes to the next waiter.
  pool.on('connect', (client) => client.on('error', () => undefined));

  async function withConnection<T>(work: (client: pg.PoolClient, drop: Drop) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw toPostgresError(error);
    });
    let broken: Error | undefined;
    const drop: Drop = (reason) => {
      broken = reason;
    };
    // The pool listens to idle connections only: a server lost between two statements must not end the process.
    client.on('error', drop);
    try {
      return await work(client, drop);
    } catch (error) {
      if (isReadOnly(error)) drop(error);
      throw error;
    } finally {
      client.off('error', drop);
      client.release(broken);
    }
  }

  async function once<T>(
    client: pg.PoolClient,
    drop: Drop,
    work: (tx: Transaction) => Promise<T>,
    acting: Acting | undefined,
  ): Promise<T> {
    const { tx, hints, commit, rollback } = createTransaction(client, acting);
    try {
      const result = await work(watched(tx));
      await commit();
      // Not in this stack: a hint that throws must not make a committed transaction look failed.
      for (const hint of hints) queueMicrotask(hint);
      return result;
    } catch (error) {
      // A connection that cannot even roll back is not returned to the pool.
      await rollback().catch(drop);
      throw error;
    }
  }

  return {
    query: (sql, values) => {
      const acting = actingNow();
      return observed(sql, () => withConnection((client) => runAlone(client, { sql, values }, acting)));
    },
    transaction: async (work, { reruns = RERUNS } = {}) => {
      const acting = actingNow();
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await withConnection((client, drop) => once(client, drop, work, acting));
        } catch (error) {
          if (!isCuredByRerun(error) || attempt > reruns) throw error;
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

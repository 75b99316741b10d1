import { PlatformError } from '@flotilla/kernel';
import type pg from 'pg';
import type { Acting } from './acting.ts';
import { type PostgresErrorCode, toPostgresError } from './errors.ts';
import { begin as beginOn, type PreparedStatement, run, runAfterBegin, type SqlValue } from './statement.ts';

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
  statementFor(rows: readonly Row[]): PreparedStatement;
}

/** One open transaction. Do nothing remote while it is open. */
export interface Transaction extends Queryable {
  /**
   * Adds a row that is written at the end, in one statement with all others of its kind, which leaves together with COMMIT: a row
   * costs no round trip. Nothing in this transaction sees it. When it cannot be written, the transaction fails. Throws once the
   * transaction is over: the row would be lost.
   */
  defer<Row>(kind: DeferredRows<Row>, row: Row): void;
  /** Runs once this transaction has committed, never after a rollback. For hints only: it may be lost in a crash. */
  afterCommit(hint: () => void): void;
  /** A nested savepoint: an error inside rolls back only its part, and is rethrown. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
}

/** A transaction as its owner sees it. It begins with its first statement; one without any never reaches the server. */
export interface OwnTransaction {
  readonly tx: Transaction;
  /** Writes the deferred rows and commits, or fails: then roll back. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
  readonly hints: readonly (() => void)[];
}

export function createTransaction(client: pg.PoolClient, acting?: Acting): OwnTransaction {
  const hints: (() => void)[] = [];
  const deferred = createDeferred();
  let depth = 0;
  /** Of BEGIN with the first statement. Nothing is sent before it is known: were BEGIN refused, it would commit by itself. */
  let begun: Promise<boolean> | undefined;
  /** COMMIT or ROLLBACK is on its way: what is sent behind it would commit by itself, too. */
  let isOver = false;

  function refuseIfOver(): void {
    if (isOver) throw queryFailed('the transaction is over: its work did not wait for this statement');
  }

  async function query<Row extends object>(sql: string, values?: readonly SqlValue[]): Promise<Row[]> {
    if (begun === undefined && !isOver)
      return await begin(
        values === undefined
          ? beginOn(client, acting).then(() => run<Row>(client, { sql }))
          : runAfterBegin<Row>(client, { sql, values }, acting),
      );
    const isOpen = await begun;
    refuseIfOver();
    if (!isOpen) throw failedBefore();
    return await run(client, { sql, values });
  }

  async function begin<Row>(first: Promise<Row[]>): Promise<Row[]> {
    begun = first.then(
      () => true,
      () => false,
    );
    return await first;
  }

  async function commit(): Promise<void> {
    const statements = deferred.statements();
    const [first, ...others] = statements;
    // Only one statement can go with BEGIN, and only when nothing but COMMIT is sent behind it.
    if (begun === undefined && others.length > 0) await begin(beginOn(client, acting));
    const isOpen = await begun;
    isOver = true;
    if (isOpen === false) throw failedBefore();
    if (isOpen)
      await commitWith(
        client,
        statements.map((statement) => run(client, statement)),
      );
    else if (first !== undefined) await commitWith(client, [begin(runAfterBegin(client, first, acting))]);
  }

  return {
    hints,
    commit,
    rollback: async () => {
      isOver = true;
      if (begun !== undefined) await client.query('ROLLBACK');
    },
    tx: {
      query,
      defer: (kind, row) => {
        refuseIfOver();
        deferred.add(kind, row);
      },
      afterCommit: (hint) => {
        refuseIfOver();
        hints.push(hint);
      },
      savepoint: async (work) => {
        depth += 1;
        const name = `s${depth}`;
        const mark = deferred.mark();
        await query(`SAVEPOINT ${name}`, []);
        try {
          const result = await work();
          await query(`RELEASE SAVEPOINT ${name}`, []);
          return result;
        } catch (error) {
          deferred.rollBackTo(mark);
          await query(`ROLLBACK TO SAVEPOINT ${name}`, []);
          throw error;
        } finally {
          depth -= 1;
        }
      },
    },
  };
}

/** After a failed statement PostgreSQL answers COMMIT with a rollback and no error: work that caught that failure must not pass. */
async function commitWith(client: pg.PoolClient, last: readonly Promise<unknown>[]): Promise<void> {
  const ending = client.query('COMMIT').catch((error: unknown) => {
    throw toPostgresError(error);
  });
  // All of them are on their way: the first that failed is the reason, and then COMMIT was a rollback.
  const outcomes = await Promise.allSettled([...last, ending]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const { command } = await ending;
  if (command !== 'COMMIT') throw failedBefore();
}

function failedBefore(): PlatformError {
  return queryFailed(
    'the transaction was rolled back: a statement in it had failed; use a savepoint to go on after one',
  );
}

function queryFailed(message: string): PlatformError {
  return new PlatformError<PostgresErrorCode>('POSTGRES_QUERY_FAILED', message);
}

interface Deferred {
  add<Row>(kind: DeferredRows<Row>, row: Row): void;
  /** Forgets what was added since `mark`. */
  mark(): number;
  rollBackTo(mark: number): void;
  statements(): readonly PreparedStatement[];
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

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Database, Queryable, Transaction } from '@flotilla/postgres';

/** Who asks, for the list of sessions. */
export interface Asker {
  readonly device: string | undefined;
  readonly address: string | undefined;
}

/** What one request to the provider shares, from its first statement to COMMIT. */
interface RequestScope extends Asker {
  readonly tx: () => Promise<Transaction>;
  readonly on: Queryable;
  /** The refresh token that is being exchanged: what is saved next is its successor. */
  rotating: string | undefined;
  /** Grants that a code which came twice by accident does not end. */
  readonly spared: Set<string>;
}

/** Carries the transaction of a request through a library that knows nothing of it. */
export interface ProviderScope {
  /** The request's transaction, or the pool where there is none. */
  on(): Queryable;
  current(): RequestScope | undefined;
  /**
   * Everything that `work` does through `on` commits together when it is done, or not at all when it throws. Takes a connection
   * with the first statement, so that who sends a body slowly holds none. Never run again: `work` has read the request.
   */
  transaction<T>(asker: Asker, work: (tx: () => Promise<Transaction>) => Promise<T>): Promise<T>;
}

export function createProviderScope(db: Database): ProviderScope {
  const storage = new AsyncLocalStorage<RequestScope>();
  return {
    on: () => storage.getStore()?.on ?? db,
    current: () => storage.getStore(),
    transaction: async (asker, work) => {
      const lazy = createLazyTransaction(db);
      const on: Queryable = { query: async (sql, values) => (await lazy.begin()).query(sql, values) };
      const scope = { ...asker, tx: lazy.begin, on, rotating: undefined, spared: new Set<string>() };
      try {
        const result = await storage.run(scope, () => work(lazy.begin));
        await lazy.commit();
        return result;
      } catch (error) {
        await lazy.rollBack(error);
        throw error;
      }
    },
  };
}

function createLazyTransaction(db: Database) {
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined); // nobody waits for it when no statement came
  let begun: { readonly tx: Promise<Transaction>; readonly outcome: Promise<void> } | undefined;

  function begin(): Promise<Transaction> {
    if (begun !== undefined) return begun.tx;
    const { promise: tx, resolve, reject } = Promise.withResolvers<Transaction>();
    const hold = async (opened: Transaction) => {
      resolve(opened);
      await ended.promise;
    };
    const outcome = db.transaction(hold, { reruns: 0 });
    outcome.catch(reject); // when there was no connection
    begun = { tx, outcome };
    return tx;
  }

  return {
    begin,
    commit: async () => {
      ended.resolve();
      await begun?.outcome;
    },
    rollBack: async (reason: unknown) => {
      ended.reject(reason);
      await begun?.outcome.catch(() => undefined); // it is the reason, or what came before it
    },
  };
}

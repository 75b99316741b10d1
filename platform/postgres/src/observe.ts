import type { Transaction } from './transaction.ts';

/** A statement that has ended. */
export interface ObservedStatement {
  readonly sql: string;
  /** Of `performance.now()`. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** What it failed with. */
  readonly error?: unknown;
}

/** Reports statements to `observe`; without it they run as they are. */
export function createWatch(observe: ((statement: ObservedStatement) => void) | undefined): {
  observed<T>(sql: string, work: () => Promise<T>): Promise<T>;
  watched(tx: Transaction): Transaction;
} {
  if (observe === undefined) return { observed: (_sql, work) => work(), watched: (tx) => tx };
  async function observed<T>(sql: string, work: () => Promise<T>): Promise<T> {
    const startedAtMs = performance.now();
    const end = (more?: { readonly error: unknown }) =>
      observe?.({ sql, startedAtMs, durationMs: performance.now() - startedAtMs, ...more });
    try {
      const result = await work();
      end();
      return result;
    } catch (error) {
      end({ error });
      throw error;
    }
  }
  return {
    observed,
    watched: (tx) => ({ ...tx, query: (sql, values) => observed(sql, () => tx.query(sql, values)) }),
  };
}

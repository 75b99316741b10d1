import type { Clock } from '@flotilla/kernel';
import { allowIdle, type Transaction } from '@flotilla/postgres';
import { eventStoreError } from '../errors.ts';

/** Its own limit comes before that of the session. */
const IDLE_MARGIN_MS = 5_000;

/**
 * Runs `work` on a transaction and fails with `EVENT_STORE_HANDLER_TIMEOUT` when it takes too long. What it sends
 * afterwards is refused: by then the connection belongs to somebody else.
 */
export async function withDeadline(
  tx: Transaction,
  timeoutMs: number,
  clock: Clock,
  work: (guarded: Transaction) => Promise<void>,
): Promise<void> {
  await allowIdle(tx, timeoutMs + IDLE_MARGIN_MS);
  const over = new AbortController();
  const expired = () => eventStoreError('EVENT_STORE_HANDLER_TIMEOUT', `not done within ${timeoutMs} ms`);
  const guarded: Transaction = {
    query: (sql, values) => (over.signal.aborted ? Promise.reject(expired()) : tx.query(sql, values)),
    defer: (kind, row) => {
      if (over.signal.aborted) throw expired();
      tx.defer(kind, row);
    },
    afterCommit: (hint) => tx.afterCommit(hint),
    savepoint: (inner) => (over.signal.aborted ? Promise.reject(expired()) : tx.savepoint(inner)),
  };
  const timer = new AbortController();
  const timeout = clock.sleep(timeoutMs, timer.signal).then(
    () => {
      throw expired();
    },
    () => undefined,
  );
  const done = work(guarded);
  try {
    await Promise.race([done, timeout.then(() => done)]);
  } finally {
    over.abort();
    timer.abort();
    // Whatever it still does has nobody to report to.
    done.catch(() => undefined);
  }
}

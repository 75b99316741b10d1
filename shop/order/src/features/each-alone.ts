import { isPlatformError, toError } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';

/**
 * Handles whatever `take` finds, each in a transaction of its own, so that one that cannot be handled holds up no other: it is
 * left as it was and passed over. In the end the first such failure is thrown.
 */
export async function eachAlone<T extends { readonly orderId: string }>(
  db: Database,
  take: (tx: Transaction, except: readonly string[]) => Promise<T | undefined>,
  handle: (tx: Transaction, taken: T) => Promise<void>,
): Promise<void> {
  const failed: string[] = [];
  let failure: Error | undefined;
  const takeOne = () => attempt(db, (tx) => take(tx, failed), handle);
  for (let one = await takeOne(); one; one = await takeOne()) {
    if (!one.error) continue;
    failed.push(one.orderId);
    failure ??= new Error(`order ${one.orderId} is passed over: ${one.error.message}`, { cause: one.error });
  }
  if (failure) throw failure;
}

/** What it was about, `undefined` when there was nothing to do. */
async function attempt<T extends { readonly orderId: string }>(
  db: Database,
  take: (tx: Transaction) => Promise<T | undefined>,
  handle: (tx: Transaction, taken: T) => Promise<void>,
): Promise<{ readonly orderId: string; readonly error?: Error } | undefined> {
  const seen: { orderId?: string } = {};
  try {
    return await db.transaction(async (tx) => {
      const taken = await take(tx);
      if (!taken) return undefined;
      seen.orderId = taken.orderId;
      await handle(tx, taken);
      return { orderId: taken.orderId };
    });
  } catch (error) {
    if (seen.orderId === undefined || isOutage(error)) throw error;
    return { orderId: seen.orderId, error: toError(error) };
  }
}

/** No order's fault. */
function isOutage(error: unknown): boolean {
  return isPlatformError(error) && ['POSTGRES_UNAVAILABLE', 'POSTGRES_POOL_EXHAUSTED'].includes(error.code);
}

import { isPlatformError } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';

/** How much goes into one statement at most. One message does in any case, however large. */
export interface Bounds {
  readonly messages: number;
  readonly bytes: number;
}

/** Sixteen of the largest messages. What a statement writes may be several times of it: once for each subscribed queue. */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** Runs work within bounds. */
export type Bounded = <T>(work: (bounds: Bounds) => Promise<T>) => Promise<T>;

/** Successes in a row after which twice as much is tried: one try too many costs a whole `statement_timeout`. */
const GROWS_AFTER = 16;

/**
 * Bounds that fit the database of the moment: work that fails for time is run again with half of them, down to one
 * message; it grows again as it succeeds. Unchanged it would fail for ever.
 */
export function createBounds(max: Bounds): Bounded {
  let share = 1;
  let successes = 0;
  return async (work) => {
    for (;;) {
      try {
        const result = await work({ messages: Math.ceil(max.messages * share), bytes: max.bytes * share });
        successes += 1;
        if (successes % GROWS_AFTER === 0) share = Math.min(1, share * 2);
        return result;
      } catch (error) {
        if (!isPlatformError(error) || error.code !== 'POSTGRES_TIMEOUT') throw error;
        if (max.messages * share <= 1) throw error;
        share /= 2;
        successes = 0;
      }
    }
  };
}

/** By the clock of the database, as exact as it is: work in batches ends with what was there when it began. */
export async function momentOf(db: Queryable): Promise<string> {
  const [row] = await db.query<{ moment: string }>('SELECT clock_timestamp()::text AS moment', []);
  return row?.moment ?? '';
}

/** What they weigh on the wire. */
export function bytesOf(messages: readonly { readonly body: string }[]): number {
  return messages.reduce((bytes, { body }) => bytes + Buffer.byteLength(body), 0);
}

/** The first of them that are within the bounds; at least one. */
export function headWithin<M extends { readonly body: string }>(
  messages: readonly M[],
  bounds: Bounds,
): readonly M[] {
  let bytes = 0;
  const end = messages.findIndex(({ body }, index) => {
    bytes += Buffer.byteLength(body);
    return index > 0 && (index >= bounds.messages || bytes > bounds.bytes);
  });
  return end === -1 ? messages : messages.slice(0, end);
}

import { crashPoint, pause, systemClock } from '@flotilla/kernel';
import type { Database, SqlValue } from '@flotilla/postgres';
import { type Bounds, createBounds, MAX_BATCH_BYTES, momentOf } from '../batch-bounds.ts';
import type { Operator } from '../operator.ts';
import type { Attempt } from './held-messages.ts';

/** A message that was given up. */
export interface DeadLetter {
  readonly id: string;
  readonly consumer: string;
  /** Under which the inbox knows it: its own id, or one derived from it when that is no UUID. */
  readonly messageId: string;
  readonly type: string;
  readonly key: string;
  readonly body: string;
  readonly reason: string;
  /** The last exception, with its stack. */
  readonly error: string | null;
  /** The failed ones, oldest first, the last 20 at most. */
  readonly attempts: readonly Attempt[];
  readonly failures: number;
  readonly crashes: number;
  readonly traceparent: string | null;
  readonly enqueuedAt: Date;
  readonly deadAt: Date;
}

/** Which dead letters; all conditions must hold, none means every one. */
export interface DeadLetterFilter {
  readonly consumer?: string;
  readonly type?: string;
  readonly key?: string;
  /** A part of the reason or of the exception, in any case. */
  readonly text?: string;
  readonly deadBefore?: Date;
  readonly deadAfter?: Date;
}

export interface DeadLetterPage {
  /** Default 50. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

/** The dead letters of one service database. What is done to them is recorded in `inbox_audit` in the same transaction. */
export interface DeadLetters {
  /** Newest first. `next` is given when there are more. */
  list(
    filter?: DeadLetterFilter,
    page?: DeadLetterPage,
  ): Promise<{ readonly letters: readonly DeadLetter[]; readonly next?: string }>;
  find(id: string): Promise<DeadLetter | undefined>;
  /**
   * Hands them to their consumer again, with their ids, each key in its old order and before what waits of it; the
   * attempts start anew. One that was handled after all has no effect, unless `force` is given. Returns how many.
   */
  redrive(
    which: string | DeadLetterFilter,
    how: Operator & {
      readonly force?: boolean;
      /** At most so many a second, so that what has just recovered is not flooded. Default: as fast as it goes. */
      readonly perSecond?: number;
      /** Ends it between two batches. */
      readonly signal?: AbortSignal;
    },
  ): Promise<number>;
  /** How many there are, without doing anything. */
  count(which: string | DeadLetterFilter): Promise<number>;
  /** Forgets them; a late duplicate of one has no effect either. Returns how many. */
  discard(which: string | DeadLetterFilter, how: Operator): Promise<number>;
}

interface Pace {
  readonly perSecond?: number;
  readonly signal?: AbortSignal;
}

const NEVER = new AbortController().signal;

/** How much is moved in one transaction. */
const BATCH: Bounds = { messages: 500, bytes: MAX_BATCH_BYTES };

export function createDeadLetters(db: Database): DeadLetters {
  /** Oldest place first, so that a key is never redriven from its middle; what dies meanwhile is left for the next time. */
  async function inBatches(
    which: string | DeadLetterFilter,
    point: string,
    sql: string,
    values: readonly SqlValue[],
    pace: Pace = {},
  ): Promise<number> {
    const filter = typeof which === 'string' ? { id: which } : which;
    const { perSecond = BATCH.messages, signal = NEVER } = pace;
    const bounded = createBounds({ ...BATCH, messages: Math.min(BATCH.messages, perSecond) });
    const begun = await momentOf(db);
    let total = 0;
    for (;;) {
      const [done, found] = await bounded(({ messages, bytes }) =>
        db.transaction(async (tx) => {
          const rows = await tx.query<{ id: string }>(OLDEST, [
            ...conditionOf(filter),
            ...[begun, messages, Math.ceil(bytes)],
          ]);
          const [moved] = await tx.query<{ count: number }>(sql, [rows.map((row) => row.id), ...values]);
          crashPoint(`dead-letters.before-${point}-commit`);
          return [moved?.count ?? 0, rows.length] as const;
        }),
      );
      crashPoint(`dead-letters.after-${point}-commit`);
      total += done;
      if (found === 0 || signal.aborted) return total;
      if (pace.perSecond !== undefined) await pause(systemClock, (found / perSecond) * 1_000, signal);
    }
  }

  return {
    list: async (filter = {}, { limit = 50, after } = {}) => {
      const rows = await db.query<DeadLetter>(
        `SELECT ${COLUMNS} FROM inbox_dead_letter
         WHERE ${CONDITION} AND ($8::bigint IS NULL OR id < $8::bigint) ORDER BY id DESC LIMIT $9`,
        [...conditionOf(filter), after ?? null, limit + 1],
      );
      const letters = rows.slice(0, limit);
      const last = letters.at(-1);
      return { letters, ...(rows.length > limit && last && { next: last.id }) };
    },
    find: async (id) => {
      const [row] = await db.query<DeadLetter>(
        `SELECT ${COLUMNS} FROM inbox_dead_letter WHERE ${CONDITION}`,
        conditionOf({ id }),
      );
      return row;
    },
    redrive: (which, { by, reason, force = false, ...pace }) =>
      inBatches(
        which,
        'redrive',
        'SELECT inbox_redrive($1::bigint[], $2, $3, $4) AS count',
        [by, reason, force],
        pace,
      ),
    count: async (which) => {
      const filter = typeof which === 'string' ? { id: which } : which;
      const [row] = await db.query<{ count: string }>(
        `SELECT count(*) AS count FROM inbox_dead_letter WHERE ${CONDITION}`,
        conditionOf(filter),
      );
      return Number(row?.count ?? 0);
    },
    discard: (which, { by, reason }) =>
      inBatches(which, 'discard', 'SELECT inbox_discard($1::bigint[], $2, $3) AS count', [by, reason]),
  };
}

const COLUMNS = `id, consumer, message_id AS "messageId", type, key, body, reason, last_error AS error, attempts,
  failures, crashes, traceparent, enqueued_at AS "enqueuedAt", dead_at AS "deadAt"`;

const CONDITION = `
  ($1::text IS NULL OR id::text = $1) AND ($2::text IS NULL OR consumer = $2) AND ($3::text IS NULL OR type = $3)
  AND ($4::text IS NULL OR key = $4) AND ($5::text IS NULL OR position(lower($5) IN lower(reason || ' ' || coalesce(last_error, ''))) > 0)
  AND ($6::timestamptz IS NULL OR dead_at < $6) AND ($7::timestamptz IS NULL OR dead_at > $7)`;

const OLDEST = `
  SELECT w.id FROM (
    SELECT l.id, l.position,
      sum(octet_length(l.body)) OVER (ORDER BY l.position ROWS UNBOUNDED PRECEDING) - octet_length(l.body) AS before
    FROM (
      SELECT * FROM inbox_dead_letter WHERE ${CONDITION} AND dead_at <= $8::timestamptz
      ORDER BY position LIMIT $9) AS l) AS w
  WHERE w.before < $10::bigint ORDER BY w.position`;

function conditionOf(filter: DeadLetterFilter & { readonly id?: string }): SqlValue[] {
  const { id, consumer, type, key, text, deadBefore, deadAfter } = filter;
  return [id, consumer, type, key, text, deadBefore, deadAfter].map((value) => value ?? null);
}

import { crashPoint } from '@flotilla/kernel';
import type { Database, SqlValue } from '@flotilla/postgres';
import { type Bounds, createBounds, MAX_BATCH_BYTES, momentOf } from '../batch-bounds.ts';
import type { Operator } from '../operator.ts';
import { OUTBOX_HINTS } from './outbox-hints.ts';

/** A message that its relay gave up because the transport kept refusing it. */
export interface ParkedMessage {
  readonly id: string;
  readonly messageId: string;
  readonly type: string;
  readonly key: string;
  readonly body: string;
  readonly reason: string;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly parkedAt: Date;
}

/** Which parked messages; all conditions must hold, none means every one. */
export interface ParkedFilter {
  readonly type?: string;
  readonly key?: string;
  /** A part of the reason, in any case. */
  readonly text?: string;
}

/** The parked messages of one service's outbox. What is done to them is recorded in `outbox_audit` in the same transaction. */
export interface ParkedMessages {
  /** Newest first. `next` is given when there are more. */
  list(
    filter?: ParkedFilter,
    page?: { readonly limit?: number; readonly after?: string },
  ): Promise<{ readonly messages: readonly ParkedMessage[]; readonly next?: string }>;
  /**
   * Sends them again, with their ids; the attempts start anew. Later messages of their keys have been sent meanwhile.
   * Returns how many.
   */
  retry(which: string | ParkedFilter, how: Operator): Promise<number>;
  /** Forgets them: they are never sent. Returns how many. */
  discard(which: string | ParkedFilter, how: Operator): Promise<number>;
}

/** How much is moved in one transaction. */
const BATCH: Bounds = { messages: 500, bytes: MAX_BATCH_BYTES };

export function createParkedMessages(db: Database): ParkedMessages {
  async function inBatches(
    which: string | ParkedFilter,
    action: 'retry' | 'discard',
    how: Operator,
  ): Promise<number> {
    const condition = conditionOf(typeof which === 'string' ? { id: which } : which);
    const bounded = createBounds(BATCH);
    // What is parked again meanwhile is left for the next time.
    const begun = await momentOf(db);
    for (let total = 0; ; ) {
      const moved = await bounded(({ messages, bytes }) =>
        db.transaction(async (tx) => {
          const [row] = await tx.query<{ count: number }>(
            `SELECT outbox_${action}_parked(ARRAY(${OLDEST}), $8, $9) AS count`,
            [...condition, begun, messages, Math.ceil(bytes), how.by, how.reason],
          );
          if (action === 'retry') tx.defer(OUTBOX_HINTS, 'messages');
          crashPoint(`parked.before-${action}-commit`);
          return row?.count ?? 0;
        }),
      );
      crashPoint(`parked.after-${action}-commit`);
      total += moved;
      if (moved === 0) return total;
    }
  }

  return {
    list: async (filter = {}, { limit = 50, after } = {}) => {
      const rows = await db.query<ParkedMessage>(
        `SELECT id, message_id AS "messageId", type, key, envelope AS body, parked_reason AS reason, attempts,
           created_at AS "createdAt", parked_at AS "parkedAt"
         FROM outbox_parked
         WHERE ${CONDITION} AND ($5::bigint IS NULL OR id < $5::bigint) ORDER BY id DESC LIMIT $6`,
        [...conditionOf(filter), after ?? null, limit + 1],
      );
      const messages = rows.slice(0, limit);
      const last = messages.at(-1);
      return { messages, ...(rows.length > limit && last && { next: last.id }) };
    },
    retry: (which, how) => inBatches(which, 'retry', how),
    discard: (which, how) => inBatches(which, 'discard', how),
  };
}

const CONDITION = `
  ($1::text IS NULL OR id::text = $1) AND ($2::text IS NULL OR type = $2) AND ($3::text IS NULL OR key = $3)
  AND ($4::text IS NULL OR position(lower($4) IN lower(parked_reason)) > 0)`;

/** Locked: of two that do it at the same time, the second waits and finds what the first has left. */
const OLDEST = `
  SELECT p.id FROM outbox_parked p WHERE p.id = ANY (ARRAY(
    SELECT w.id FROM (
      SELECT o.id, sum(octet_length(o.envelope)) OVER (ORDER BY o.id ROWS UNBOUNDED PRECEDING)
        - octet_length(o.envelope) AS before
      FROM (
        SELECT * FROM outbox_parked WHERE ${CONDITION} AND parked_at <= $5::timestamptz ORDER BY id LIMIT $6) AS o) AS w
    WHERE w.before < $7::bigint)) ORDER BY p.id FOR UPDATE`;

function conditionOf({ id, type, key, text }: ParkedFilter & { readonly id?: string }): SqlValue[] {
  return [id, type, key, text].map((value) => value ?? null);
}

import { type Queryable, type SqlValue, storableText } from '@flotilla/postgres';
import { createBounds, MAX_BATCH_BYTES } from '../batch-bounds.ts';
import { type BoundStore, readHorizon } from '../bus/lower-bound.ts';
import type { ClaimRow, LeaseStore } from '../bus/shard-leases.ts';
import { type OutboxStatistics, readOutboxStatistics } from './outbox-statistics.ts';

/** A committed message that waits to be sent. */
export interface OutboxRow {
  readonly shard: number;
  readonly token: string;
  readonly id: string;
  readonly message_id: string;
  readonly key: string;
  readonly type: string;
  readonly envelope: string;
  readonly mandatory: boolean;
  readonly attempts: number;
  /** It was refused, or came behind a refused one of its key: it waits in `outbox_held`. */
  readonly held: boolean;
}

/** A message in the outbox that must not be sent before those that are held in its key. */
export type RowBehind = Pick<OutboxRow, 'shard' | 'token' | 'id'>;

export interface OutboxFetch {
  /** Read while others are being published: a key that waits stays behind what may still be refused. */
  readonly isAhead: boolean;
  /** By shard: only what comes after that id in the outbox. */
  readonly after: ReadonlyMap<number, string>;
}

export interface Fetched {
  readonly rows: readonly OutboxRow[];
  readonly behind: readonly RowBehind[];
  /** There may be more: it ended where a bound was reached. */
  readonly isFull: boolean;
}

/** What one relay does to the outbox tables. Every write names its owner, so that a former owner changes nothing. */
export interface OutboxStore extends LeaseStore, BoundStore {
  /** The oldest of each shard, those of a key in order; `behind`: what has to be set aside instead. */
  fetch(shards: ReadonlyMap<number, string>, which: OutboxFetch): Promise<Fetched>;
  /** Puts these, and others like them after them, behind the held messages of their keys; a part of them at least. */
  setAside(behind: readonly RowBehind[]): Promise<void>;
  /** Deletes what is not held. */
  confirm(rows: readonly OutboxRow[]): Promise<void>;
  /** Deletes what is held. A key is let go with its last one. */
  confirmHeld(rows: readonly OutboxRow[]): Promise<void>;
  retryLater(row: OutboxRow, error: string, delayMs: number): Promise<void>;
  park(row: OutboxRow, error: string, reason: string): Promise<void>;
  /** Moves delayed messages that are due to the outbox; `nextInMs` is given when more will be due. */
  moveDue(): Promise<{ readonly moved: number; readonly nextInMs: number | null }>;
  statistics(): Promise<OutboxStatistics>;
}

/** `batchSize`: messages in one fetch, about. */
export function createOutboxStore(db: Queryable, owner: string, batchSize: number = 500): OutboxStore {
  const fetching = createBounds({ messages: batchSize, bytes: MAX_BATCH_BYTES });
  const settingAside = createBounds({ messages: SET_ASIDE_BATCH, bytes: MAX_BATCH_BYTES });
  const moving = createBounds({ messages: MOVE_BATCH, bytes: MAX_BATCH_BYTES });

  const addressOf = (rows: readonly RowBehind[]): SqlValue[] => [
    owner,
    rows.map((row) => row.shard),
    rows.map((row) => row.token),
    rows.map((row) => row.id),
  ];

  return {
    claim: (leaseMs, presence) =>
      db.query<ClaimRow & object>('SELECT shard, token, fair FROM outbox_claim($1, $2, $3::bigint)', [
        owner,
        leaseMs,
        presence,
      ]),
    release: async (shards) => {
      await db.query('SELECT outbox_release($1, $2::smallint[])', [owner, shards]);
    },
    leave: async () => {
      await db.query('SELECT outbox_leave($1)', [owner]);
    },
    horizon: () => readHorizon(db, 'outbox_horizon'),
    raiseBounds: async (source, closedId) => {
      await db.query('SELECT outbox_raise_bounds($1, $2, $3::bigint)', [owner, source, closedId]);
    },
    fetch: async (shards, { isAhead, after }) => {
      const wanted = [...shards.keys()];
      return await fetching(async ({ messages, bytes }) => {
        const perShard = Math.ceil(messages / shards.size);
        const found = await db.query<FoundRow>(
          'SELECT * FROM outbox_fetch($1::smallint[], $2::bigint[], $3, $4, $5::bigint)',
          [
            ...[wanted, wanted.map((shard) => after.get(shard) ?? 0)],
            ...[perShard, isAhead ? 0 : messages, Math.ceil(bytes)],
          ],
        );
        return sort(shards, found, perShard, bytes);
      });
    },
    setAside: async (behind) => {
      const first = [...new Map(behind.toReversed().map((row) => [row.shard, row])).values()];
      await settingAside(({ messages, bytes }) =>
        db.query('SELECT outbox_set_aside($1, $2::smallint[], $3::bigint[], $4::bigint[], $5, $6::bigint)', [
          ...addressOf(first),
          ...[Math.ceil(messages / first.length), Math.ceil(bytes)],
        ]),
      );
    },
    confirm: async (rows) => {
      await db.query(
        'SELECT outbox_confirm($1, $2::smallint[], $3::bigint[], $4::bigint[])',
        addressOf(rows),
      );
    },
    confirmHeld: async (rows) => {
      await db.query(
        'SELECT outbox_confirm_held($1, $2::smallint[], $3::bigint[], $5::text[], $4::bigint[])',
        [...addressOf(rows), rows.map((row) => row.key)],
      );
    },
    retryLater: (row, error, delayMs) => refuse(db, owner, row, { error, delayMs, reason: null }),
    park: (row, error, reason) => refuse(db, owner, row, { error, delayMs: 0, reason }),
    moveDue: async () => {
      const [row] = await moving(({ messages, bytes }) =>
        db.query<{ moved: number; nextInMs: number | null }>(MOVE_DUE, [messages, Math.ceil(bytes)]),
      );
      return row ?? { moved: 0, nextInMs: null };
    },
    statistics: () => readOutboxStatistics(db),
  };
}

const MAX_REASON_LENGTH = 4_000;

/** With a reason it is parked, without it is tried again after `delayMs`. */
async function refuse(
  db: Queryable,
  owner: string,
  { shard, token, key, id }: OutboxRow,
  how: { readonly error: string; readonly delayMs: number; readonly reason: string | null },
): Promise<void> {
  await db.query('SELECT outbox_refuse($1, $2::smallint, $3::bigint, $4, $5::bigint, $6, $7, $8)', [
    ...[owner, shard, token, key, id],
    storableText(how.error, MAX_REASON_LENGTH),
    how.delayMs,
    how.reason === null ? null : storableText(how.reason, MAX_REASON_LENGTH),
  ]);
}

const MOVE_BATCH = 500;
const MOVE_DUE = 'SELECT moved, next_in_ms AS "nextInMs" FROM outbox_move_due($1, $2::bigint)';

/** Messages looked at in one statement: some 100 ms when each of them is moved. */
const SET_ASIDE_BATCH = 5_000;

type FoundRow = Omit<OutboxRow, 'token' | 'held'> & {
  readonly place: 'outbox' | 'held' | 'behind';
  readonly bytes: number;
};

function sort(
  shards: ReadonlyMap<number, string>,
  found: readonly FoundRow[],
  perShard: number,
  maxBytes: number,
): Fetched {
  const rows: OutboxRow[] = [];
  const behind: RowBehind[] = [];
  let unread = maxBytes;
  for (const { place, bytes, ...row } of found) {
    const token = shards.get(row.shard) ?? '';
    if (place === 'behind') behind.push({ shard: row.shard, token, id: row.id });
    else rows.push({ ...row, token, held: place === 'held' });
    if (place === 'outbox') unread -= bytes;
  }
  // A full page of one shard, one whose place others take now, or the bytes are reached.
  return { rows, behind, isFull: behind.length > 0 || rows.length >= perShard || unread <= 0 };
}

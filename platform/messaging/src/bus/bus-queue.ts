import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { type Bounds, bytesOf, createBounds, MAX_BATCH_BYTES } from '../batch-bounds.ts';
import type { Delivery } from '../transport.ts';
import { type BoundStore, readHorizon } from './lower-bound.ts';
import type { ClaimRow, LeaseStore } from './shard-leases.ts';

/** A delivery of the PostgreSQL bus: it knows under which lease it was fetched. */
export interface BusDelivery extends Delivery {
  readonly shard: number;
  readonly token: string;
}

/** What one consumer process does to one queue, by the functions of the bus. */
export interface BusQueue extends LeaseStore, BoundStore {
  fetch(shards: readonly number[], room: Bounds, held: readonly BusDelivery[]): Promise<Fetched>;
  ack(deliveries: readonly BusDelivery[]): Promise<void>;
}

export interface Fetched {
  readonly deliveries: readonly BusDelivery[];
  /** There may be more: it ended where a bound was reached. */
  readonly isFull: boolean;
}

const MAX_FETCH = 256;

interface FetchedRow extends Omit<BusDelivery, 'enqueuedAt' | 'sender'> {
  readonly enqueued_at: Date;
  readonly sender: string | null;
}

export function createBusQueue(db: Database, queue: string, owner: string): BusQueue {
  const fetching = createBounds({ messages: MAX_FETCH, bytes: MAX_BATCH_BYTES });
  return {
    claim: (leaseMs, presence) =>
      db.query<ClaimRow & object>('SELECT shard, token, fair FROM bus.claim($1, $2, $3, $4::bigint)', [
        queue,
        owner,
        leaseMs,
        presence,
      ]),
    release: async (shards) => {
      await db.query('SELECT bus.release($1, $2, $3::smallint[])', [queue, owner, shards]);
    },
    leave: async () => {
      await db.query('SELECT bus.leave($1, $2)', [queue, owner]);
    },
    horizon: () => readHorizon(db, 'bus.horizon'),
    raiseBounds: async (source, closedId) => {
      await db.query('SELECT bus.raise_bounds($1, $2, $3, $4::bigint)', [queue, owner, source, closedId]);
    },
    fetch: (shards, room, held) =>
      fetching(async (bounds) => {
        const perShard = Math.ceil(Math.min(room.messages, bounds.messages) / shards.length);
        const maxBytes = Math.ceil(Math.min(room.bytes, bounds.bytes));
        const rows = await db.query<FetchedRow>(
          'SELECT * FROM bus.take($1, $2, $3::smallint[], $4, $5::bigint[], $6::bigint)',
          [queue, owner, shards, perShard, held.map((one) => one.id), maxBytes],
        );
        const deliveries = rows.map(({ enqueued_at: enqueuedAt, sender, ...row }) => ({
          ...row,
          enqueuedAt,
          ...(sender !== null && { sender }),
        }));
        return { deliveries, isFull: rows.length >= perShard || bytesOf(deliveries) >= maxBytes };
      }),
    ack: async (deliveries) => {
      crashPoint('bus.before-ack');
      await db.query('SELECT bus.ack($1, $2, $3::smallint[], $4::bigint[], $5::bigint[])', [
        queue,
        owner,
        deliveries.map((one) => one.shard),
        deliveries.map((one) => one.token),
        deliveries.map((one) => one.id),
      ]);
    },
  };
}

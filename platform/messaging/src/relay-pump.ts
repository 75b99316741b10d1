import { crashPoint, plantedBug } from '@flotilla/kernel';
import type { OutboxRow, OutboxStore } from './outbox-store.ts';
import type { ShardLeases } from './shard-leases.ts';
import type { Refusal, Transport } from './transport.ts';

export interface RelayPumpOptions {
  readonly store: Pick<OutboxStore, 'fetch' | 'confirm'>;
  readonly leases: ShardLeases;
  readonly transport: Transport;
  readonly batchSize: number;
  readonly onPublished: (messages: number) => void;
  /** Records that the transport refused it. Only the first of each key is told. */
  readonly settleRefusal: (row: OutboxRow, reason: string) => Promise<void>;
}

/** Batches in one round, so that the loop around it can stop and shards can be given back. */
const BATCHES = 20;

/**
 * Sends batches one after the other. While one is being published the next is read, and while that one is published
 * the former is deleted: a batch costs as long as its slowest part, not the sum of them. Publishing itself is never
 * overlapped: a refusal must stop what follows it.
 */
export function createRelayPump(options: RelayPumpOptions): () => Promise<boolean> {
  const { store, leases, transport, batchSize } = options;
  // Published and not yet deleted. Deleted before anything is fetched from the start again, to save duplicates.
  let unconfirmed: readonly OutboxRow[] = [];
  const everReached = new Map<number, string>();
  const beginning = () => (plantedBug('cursor-by-id') ? everReached : new Map<number, string>());

  async function confirm(): Promise<void> {
    const rows = unconfirmed;
    if (rows.length === 0) return;
    await store.confirm(rows);
    const gone = new Set(rows);
    unconfirmed = unconfirmed.filter((row) => !gone.has(row));
    crashPoint('relay.after-delete');
  }

  async function fetch(after: ReadonlyMap<number, string>): Promise<Batch> {
    const shards = leases.active();
    if (shards.size === 0) return EMPTY;
    const perShard = Math.ceil(batchSize / shards.size);
    const rows = await store.fetch(shards, perShard, after);
    return { rows, isFull: rows.length >= perShard };
  }

  /** Returns what must not go on. */
  async function publish(rows: readonly OutboxRow[]): Promise<readonly Refusal[]> {
    if (plantedBug('delete-before-publish')) await store.confirm(rows);
    crashPoint('relay.before-publish');
    const refusals = await transport.publish(rows.map(toOutgoing));
    crashPoint('relay.after-publish');
    const refused = new Set(refusals.map((refusal) => refusal.id));
    const published = rows.filter((row) => !refused.has(row.message_id));
    unconfirmed = [...unconfirmed, ...published];
    options.onPublished(published.length);
    return refusals;
  }

  async function settleRefusals(rows: readonly OutboxRow[], refusals: readonly Refusal[]): Promise<void> {
    for (const [row, reason] of firstOfEachKey(rows, refusals)) await options.settleRefusal(row, reason);
  }

  return async () => {
    await confirm();
    // Here no batch is running, so nothing of these shards is on its way.
    if (leases.surplus().length > 0) await leases.release(leases.surplus());
    const reached = beginning();
    let confirmed = later(Promise.resolve());
    let batch = await fetch(reached);
    for (let round = 0; round < BATCHES && batch.rows.length > 0; round += 1) {
      const rows = batch.rows.filter((row) => leases.holds(row.shard, row.token));
      if (rows.length === 0) break;
      for (const row of rows) reached.set(row.shard, row.id);
      const next = later(batch.isFull ? fetch(reached) : Promise.resolve(EMPTY));
      const refusals = await publish(rows);
      (await confirmed)();
      confirmed = later(confirm());
      batch = (await next)();
      if (refusals.length === 0) continue;
      // What was read ahead may follow a refused message.
      (await confirmed)();
      await settleRefusals(rows, refusals);
      break;
    }
    (await confirmed)();
    return batch.rows.length > 0;
  };
}

interface Batch {
  readonly rows: readonly OutboxRow[];
  readonly isFull: boolean;
}

const EMPTY: Batch = { rows: [], isFull: false };

/** What becomes of work, to be looked at later: until then its failure must not count as unhandled. */
function later<T>(work: Promise<T>): Promise<() => T> {
  return work.then(
    (value) => () => value,
    (error: unknown) => () => {
      throw error;
    },
  );
}

function toOutgoing({ message_id: id, type, key, envelope: body, mandatory }: OutboxRow) {
  return { id, type, key, body, mandatory };
}

/** A refused message takes the later ones of its key with it; only the first of them has itself to blame. */
function firstOfEachKey(rows: readonly OutboxRow[], refusals: readonly Refusal[]): [OutboxRow, string][] {
  const reasons = new Map(refusals.map((refusal) => [refusal.id, refusal.reason]));
  const seen = new Set<string>();
  const first: [OutboxRow, string][] = [];
  for (const row of rows) {
    const reason = reasons.get(row.message_id);
    if (reason === undefined || seen.has(row.key)) continue;
    seen.add(row.key);
    first.push([row, reason]);
  }
  return first;
}

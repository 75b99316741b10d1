import { crashPoint, type Rest } from '@flotilla/kernel';
import type { ShardLeases } from '../bus/shard-leases.ts';
import type { Refusal, Transport } from '../transport.ts';
import type { OutboxRow, OutboxStore } from './outbox-store.ts';

export interface RelayPumpOptions {
  readonly store: Pick<OutboxStore, 'fetch' | 'setAside' | 'confirm' | 'confirmHeld'>;
  readonly leases: Pick<ShardLeases, 'active' | 'holds' | 'surplus' | 'release'>;
  readonly transport: Pick<Transport, 'publish'>;
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
export function createRelayPump(options: RelayPumpOptions): () => Promise<boolean | Rest> {
  const { store, leases, transport } = options;
  // Published and not yet deleted. Deleted before anything is fetched from the start again, to save duplicates.
  let unconfirmed: readonly OutboxRow[] = [];

  async function confirm(): Promise<void> {
    const rows = unconfirmed;
    if (rows.length === 0) return;
    const held = rows.filter((row) => row.held);
    if (held.length < rows.length) await store.confirm(rows.filter((row) => !row.held));
    crashPoint('relay.after-delete');
    if (held.length > 0) {
      await store.confirmHeld(held);
      crashPoint('relay.after-held-delete');
    }
    const gone = new Set(rows);
    unconfirmed = unconfirmed.filter((row) => !gone.has(row));
  }

  async function fetch(reached: Reached, isAhead: boolean): Promise<Batch> {
    const shards = leases.active();
    if (shards.size === 0) return EMPTY;
    const after = new Map<number, string>();
    for (const [shard, { token, id }] of reached) if (shards.get(shard) === token) after.set(shard, id);
    const { rows, behind, isFull } = await store.fetch(shards, { isAhead, after });
    if (behind.length > 0) {
      crashPoint('relay.before-set-aside');
      await store.setAside(behind);
      crashPoint('relay.after-set-aside');
    }
    return { rows, isFull };
  }

  /** `sent`: those of the batch that are on their way. What its lease did not allow any more is not passed over. */
  async function readAhead(sent: readonly OutboxRow[], { isFull }: Batch, reached: Reached): Promise<Batch> {
    for (const row of sent) if (!row.held) reached.set(row.shard, row);
    return isFull ? await fetch(reached, true) : EMPTY;
  }

  /** Returns what must not go on. */
  async function publish(rows: readonly OutboxRow[]): Promise<readonly Refusal[]> {
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
    const reached: Reached = new Map();
    let confirmed = later(Promise.resolve());
    let batch = await fetch(reached, false);
    if (batch.rows.length === 0 && !batch.isFull) return {};
    // It may be a part of what waits in a key: the rest is due as well.
    const goesOn = batch.rows.some((row) => row.held);
    for (let round = 0; round < BATCHES && batch.rows.length > 0; round += 1) {
      const rows = batch.rows.filter((row) => leases.holds(row.shard, row.token));
      if (rows.length === 0) break;
      const next = later(readAhead(rows, batch, reached));
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
    return goesOn || batch.isFull || batch.rows.length > 0;
  };
}

/** The last of each shard that was sent. Under another lease it says nothing: the shard is read from its start. */
type Reached = Map<number, Pick<OutboxRow, 'token' | 'id'>>;

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

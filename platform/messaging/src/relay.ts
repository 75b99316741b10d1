import { type Clock, crashPoint, systemClock, toError, uuidv7 } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { backoffMs } from './backoff.ts';
import { type Loop, startLoop } from './loop.ts';
import { createOutboxStore, type OutboxRow } from './outbox-store.ts';
import { holdPresence, presenceKey } from './presence.ts';
import { relayMetrics } from './relay-metrics.ts';
import { createShardLeases } from './shard-leases.ts';
import { keepConnection, type StandingConnection } from './standing-connection.ts';
import type { Refusal, Transport } from './transport.ts';

export interface RelayOptions {
  readonly db: Database;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  /** How often the outbox is looked at without a nudge. Default 500 ms. */
  readonly pollIntervalMs?: number;
  /** Messages published in one go at most, about. Default 500. */
  readonly batchSize?: number;
  /** After this long without a sign of life others take over; at once when the process has ended. Default 6,000 ms. */
  readonly leaseMs?: number;
  /** Refusals of one message before it is parked. Default 10, over about 4 minutes. */
  readonly maxAttempts?: number;
}

/**
 * Sends what was committed to the outbox. At least once; per key in order; any number of relays share the work.
 * A transport that is down delays everything and loses nothing; a refused message delays its key only.
 */
export interface Relay {
  start(): void;
  /** There may be something to send: call it after a commit. Cheap and coalesced. */
  nudge(): void;
  /** Finishes the running batch and gives its shards to the other relays. */
  close(): Promise<void>;
}

export function createRelay(options: RelayOptions): Relay {
  const { db, transport, logger, clock = systemClock, pollIntervalMs = 500 } = options;
  const { batchSize = 500, leaseMs = 6_000, maxAttempts = 10 } = options;
  const owner = uuidv7();
  const key = presenceKey(owner);
  const store = createOutboxStore(db, owner);
  const leases = createShardLeases(store, leaseMs, () => (connection?.isOpen() ? key : null));
  const measures = relayMetrics(options.metrics);
  let loops: Loop[] = [];
  let pump: Loop | undefined;
  let connection: StandingConnection | undefined;
  // Published, but the delete failed: deleted before anything is fetched again, to save a duplicate.
  let unconfirmed: readonly OutboxRow[] = [];

  async function confirm(): Promise<void> {
    if (unconfirmed.length === 0) return;
    await store.confirm(unconfirmed);
    unconfirmed = [];
    crashPoint('relay.after-delete');
  }

  async function settleRefusal(row: OutboxRow, reason: string): Promise<void> {
    const attempts = row.attempts + 1;
    const facts = { messageId: row.message_id, type: row.type, attempts, reason };
    if (attempts < maxAttempts) {
      logger.warn(facts, 'the transport refused a message, it is tried again');
      await store.retryLater(row, reason, backoffMs(attempts, 500, 60_000));
      return;
    }
    logger.error(facts, 'the transport keeps refusing a message, it is parked');
    await store.park(row, reason, `refused ${attempts} times: ${reason}`);
  }

  async function relayBatch(): Promise<boolean> {
    await confirm();
    // Here no batch is running, so nothing of these shards is on its way.
    if (leases.surplus().length > 0) await leases.release(leases.surplus());
    const shards = leases.active();
    if (shards.size === 0) return false;
    const perShard = Math.ceil(batchSize / shards.size);
    const fetched = await store.fetch(shards, perShard);
    const rows = fetched.filter((row) => leases.holds(row.shard, row.token));
    if (rows.length === 0) return false;
    crashPoint('relay.before-publish');
    const refusals = await transport.publish(rows.map(toOutgoing));
    crashPoint('relay.after-publish');
    const refused = new Set(refusals.map((refusal) => refusal.id));
    unconfirmed = rows.filter((row) => !refused.has(row.message_id));
    measures.published.inc({}, unconfirmed.length);
    await confirm();
    for (const [row, reason] of firstOfEachKey(rows, refusals)) await settleRefusal(row, reason);
    return fetched.length >= perShard;
  }

  async function keepLeases(): Promise<boolean> {
    const gained = await leases.refresh();
    if (gained || leases.surplus().length > 0) pump?.wake();
    return false;
  }

  async function measure(): Promise<boolean> {
    measures.observe(await store.statistics());
    return false;
  }

  return {
    start: () => {
      if (loops.length > 0) return;
      const base = { clock, logger };
      pump = startLoop({ ...base, name: 'relay', run: relayBatch, intervalMs: pollIntervalMs });
      connection = keepConnection({
        ...base,
        name: 'relay-presence',
        db,
        setUp: (opened) => holdPresence(opened, key),
      });
      const keeper = startLoop({ ...base, name: 'relay-leases', run: keepLeases, intervalMs: leaseMs / 3 });
      const meter = startLoop({ ...base, name: 'relay-metrics', run: measure, intervalMs: 5_000 });
      loops = [pump, keeper, meter];
    },
    nudge: () => pump?.wake(),
    close: async () => {
      if (loops.length === 0) return;
      await Promise.all(loops.map((loop) => loop.stop()));
      loops = [];
      await leases.leave().catch((error: unknown) => {
        logger.debug({ err: toError(error) }, 'the leases could not be given back, they end by time');
      });
      await connection?.close();
    },
  };
}

function toOutgoing(row: OutboxRow) {
  return { id: row.message_id, type: row.type, key: row.key, body: row.envelope, mandatory: row.mandatory };
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

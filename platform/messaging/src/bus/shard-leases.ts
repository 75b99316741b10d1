import { createClaimTimes } from './claim-times.ts';
import { SHARDS } from './shard.ts';

/** One row of a claim: a shard that is ours, and the token that proves it. */
export interface ClaimRow {
  readonly shard: number;
  readonly token: string;
  /** Shards each living worker should hold. */
  readonly fair: number;
}

export interface LeaseStore {
  /** `leaseMs` is a whole number. `presence`: the advisory lock that shows the worker alive, if it holds it. */
  claim(leaseMs: number, presence: string | null): Promise<readonly ClaimRow[]>;
  release(shards: readonly number[]): Promise<void>;
  leave(): Promise<void>;
}

/**
 * The shards this worker may work on. The database decides by its own clock; this side stops by a clock that runs on
 * when the process is paused, counted from before the claim was sent, so it always ends first.
 */
export interface ShardLeases {
  /** Renews and extends; returns `true` when new shards were gained. */
  refresh(): Promise<boolean>;
  /** When to do that next. */
  intervalMs(): number;
  /** Shards to take new work from, with their tokens; empty once the leases ran out. */
  active(): ReadonlyMap<number, string>;
  /** Is a piece of work of this shard still ours to do? */
  holds(shard: number, token: string): boolean;
  /** More than the fair share: finish their work, then `release` them. */
  surplus(): readonly number[];
  release(shards: readonly number[]): Promise<void>;
  leave(): Promise<void>;
}

/** Of `leaseMs`: what a process claims at most that is starved of the processor. */
const MAX_STRETCH = 10;

/**
 * Leases last for `leaseMs`, and longer while renewing them takes longer: a starved process that lost them again and again would make
 * work for all others, who have to suspect whatever it had in progress. That it has ended is seen by its `presence`.
 */
export function createShardLeases(
  store: LeaseStore,
  leaseMs: number,
  presence: () => string | null,
): ShardLeases {
  let owned = new Map<number, string>();
  let surplus: readonly number[] = [];
  let endsAt = 0;
  const times = createClaimTimes({ minMs: leaseMs, maxMs: leaseMs * MAX_STRETCH, margin: 2 });
  let renewedAt: number | undefined;
  // A claim that was on its way meanwhile still names them. Whoever gets such a shard again gets it with another token.
  const givenBack = new Map<number, string>();
  const inTime = () => performance.now() < endsAt;

  return {
    refresh: async () => {
      const sentAt = performance.now();
      const claimedMs = Math.ceil(times.claimMs());
      const before = renewedAt;
      renewedAt = undefined;
      const rows = await store.claim(claimedMs, presence());
      // The lease before had to last until now. A claim that failed does not say how long it takes.
      times.took(performance.now() - (before ?? sentAt));
      renewedAt = sentAt;
      const kept = rows.filter(({ shard, token }) => givenBack.get(shard) !== token);
      const next = new Map(kept.map((row) => [row.shard, row.token]));
      const gained = !inTime() || [...next].some(([shard, token]) => owned.get(shard) !== token);
      owned = next;
      surplus = [...next.keys()].slice(rows[0]?.fair ?? SHARDS);
      endsAt = sentAt + claimedMs;
      return gained;
    },
    active: () => (inTime() ? new Map([...owned].filter(([shard]) => !surplus.includes(shard))) : new Map()),
    intervalMs: () => times.claimMs() / 3,
    holds: (shard, token) => inTime() && owned.get(shard) === token,
    surplus: () => surplus,
    release: async (shards) => {
      await store.release(shards);
      for (const shard of shards) {
        givenBack.set(shard, owned.get(shard) ?? '');
        owned.delete(shard);
      }
      surplus = surplus.filter((shard) => !shards.includes(shard));
    },
    leave: async () => {
      owned = new Map();
      await store.leave();
    },
  };
}

import { type Clock, type Loop, startLoop, toError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { sagaError } from '../errors.ts';
import { renewLeases } from '../store/leases.ts';

/** The right of this engine to work on one instance. */
export interface Lease {
  readonly id: string;
  readonly epoch: number;
  /** When it runs out unless renewed, on the clock of `performance.now()`; never later than the database says. */
  until: number;
  lost: boolean;
  /** Each ends one call that is in flight under this lease. */
  readonly interrupts: Set<(reason: Error) => void>;
}

export interface Leases {
  /** `takenAt` is a time before the statement that took the lease was sent. */
  hold(id: string, epoch: number, takenAt: number): Lease;
  drop(lease: Lease): void;
  /** Ends every call in flight. */
  interruptAll(reason: Error): void;
  /** Keeps leases alive, and gives up those it cannot, until it is stopped. */
  keep(): Loop;
}

export interface LeasesDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly leaseMs: number;
}

export function isHeld({ lost, until }: Lease): boolean {
  return !lost && performance.now() < until;
}

/** Ends every call that is in flight under a lease. */
export function interrupt({ interrupts }: Lease, reason: Error): void {
  for (const one of interrupts) one(reason);
}

/** A lease is renewed by each recorded step; this renews those whose step takes long. */
export function createLeases({ db, clock, logger, leaseMs }: LeasesDeps): Leases {
  const held = new Set<Lease>();
  const tickMs = leaseMs / 10;

  function giveUp(lease: Lease): void {
    lease.lost = true;
    held.delete(lease);
    interrupt(lease, sagaError('SAGA_LEASE_LOST', 'the lease of this saga ran out or was taken over'));
    logger.warn({ saga: lease.id, epoch: lease.epoch }, 'lease of a saga lost');
  }

  async function renew(): Promise<void> {
    const takenAt = performance.now();
    const old = [...held].filter((lease) => lease.until - takenAt < leaseMs * (2 / 3));
    if (old.length === 0) return;
    const kept = await renewLeases(db, old, leaseMs);
    for (const lease of old) {
      const renewed = kept.get(lease.id);
      if (renewed) lease.until = Math.max(lease.until, takenAt + leaseMs);
      else if (renewed === undefined && held.has(lease)) giveUp(lease);
    }
  }

  async function tick(): Promise<boolean> {
    // Never a reason to look later: what cannot be renewed is given up in time.
    await renew().catch((error: unknown) =>
      logger.warn({ err: toError(error) }, 'leases of sagas not renewed'),
    );
    const now = performance.now();
    for (const lease of held) if (lease.until - now <= tickMs) giveUp(lease);
    return false;
  }

  return {
    hold: (id, epoch, takenAt) => {
      const lease = {
        id,
        epoch,
        until: takenAt + leaseMs,
        lost: false,
        interrupts: new Set<(reason: Error) => void>(),
      };
      held.add(lease);
      return lease;
    },
    drop: (lease) => held.delete(lease),
    interruptAll: (reason) => {
      for (const lease of held) interrupt(lease, reason);
    },
    keep: () => startLoop({ name: 'saga-leases', run: tick, intervalMs: tickMs, clock, logger }),
  };
}

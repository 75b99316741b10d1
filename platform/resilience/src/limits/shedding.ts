/** How much it matters that a request is served, when not all can be. */
export type Priority = 'sheddable' | 'normal' | 'critical';

const RANK: Readonly<Record<Priority, number>> = { sheddable: 0, normal: 1, critical: 2 };

/** A caller's claim can make a request less important than its route, never more. */
export function lowerPriority(own: Priority, claimed: string | undefined): Priority {
  if (claimed !== 'sheddable' && claimed !== 'normal') return own;
  return RANK[claimed] < RANK[own] ? claimed : own;
}

export interface SheddingOptions {
  /** Concurrent requests beyond which those that can wait are refused. */
  readonly maxInFlight: () => number;
  /** Lateness of the event loop beyond which they are, in ms. */
  readonly maxLoopDelayMs: number;
  /** How late the event loop is. */
  readonly loopDelayMs: () => number;
}

/** By how much a limit must be exceeded before a priority is refused, too. */
const PATIENCE: Readonly<Record<Priority, number>> = { sheddable: 0.8, normal: 1, critical: 1.2 };
/** Lateness alone says little: another process may have the processor. Up to this many requests are always served. */
const ALWAYS_SERVED = 16;

/**
 * Is there too much to do for one more? Costs two comparisons, so that it can be asked before anything of the request but
 * its head was read. The later the event loop, the sooner: a loop that is twice as late as it may be halves the limit.
 */
export function createShedding(options: SheddingOptions): (priority: Priority, inFlight: number) => boolean {
  const { maxInFlight, maxLoopDelayMs, loopDelayMs } = options;
  return (priority, inFlight) => {
    if (inFlight < ALWAYS_SERVED) return false;
    const patience = PATIENCE[priority];
    const lateness = loopDelayMs() / (maxLoopDelayMs * patience);
    return inFlight >= (maxInFlight() * patience) / Math.max(1, lateness);
  };
}

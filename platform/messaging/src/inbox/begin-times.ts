/** How long this process may take from asking for held messages until the transaction that handles them has begun. */
export interface BeginTimes {
  /** What to claim when it asks again. */
  claimMs(): number;
  /** It has begun, after so long. */
  began(afterMs: number): void;
}

const MIN_CLAIM_MS = 1_000;
/** After a crash the key waits for so long. */
const MAX_CLAIM_MS = 60_000;
const MARGIN = 4;
/** Of the slowest time, from one beginning to the next: a bad moment is forgotten after some dozen messages. */
const FADING = 0.9;

/** Learns from what it took lately: whoever is starved of the processor is slow more than once, and not dead. */
export function createBeginTimes(): BeginTimes {
  let slowestMs = 0;
  return {
    claimMs: () => Math.min(Math.max(slowestMs * MARGIN, MIN_CLAIM_MS), MAX_CLAIM_MS),
    began: (afterMs) => {
      slowestMs = Math.max(afterMs, slowestMs * FADING);
    },
  };
}

/** For how long a process claims something when it may be starved of the processor: whoever is slow is not dead. */
export interface ClaimTimes {
  /** What to claim next. */
  claimMs(): number;
  /** It took so long; what was claimed must last longer. */
  took(ms: number): void;
}

export interface ClaimTimesOptions {
  readonly minMs: number;
  /** After a crash others wait for so long at most. */
  readonly maxMs: number;
  /** Of the claim over the slowest time. */
  readonly margin: number;
}

/** Of the slowest time, from one to the next: a bad moment is forgotten after some dozen of them. */
const FADING = 0.9;

/** Learns from what it took lately: whoever is starved is slow more than once. */
export function createClaimTimes({ minMs, maxMs, margin }: ClaimTimesOptions): ClaimTimes {
  let slowestMs = 0;
  return {
    claimMs: () => Math.min(Math.max(slowestMs * margin, minMs), maxMs),
    took: (ms) => {
      slowestMs = Math.min(Math.max(ms, slowestMs * FADING), maxMs);
    },
  };
}

/** How many messages share a transaction. */
export interface BatchSize {
  now(): number;
  /** A transaction of several met rows that others have locked. */
  contended(): void;
  succeeded(): void;
}

/** Successes in a row after which twice as many are tried. */
const GROWS_AFTER = 32;

/**
 * One at a time once several have met locked rows: a transaction of one locks few rows for a short time and seldom waits
 * in a circle. Grows again as nothing is in the way.
 */
export function createBatchSize(max: number): BatchSize {
  let size = max;
  let successes = 0;
  return {
    now: () => size,
    contended: () => {
      size = 1;
      successes = 0;
    },
    succeeded: () => {
      successes += 1;
      if (successes % GROWS_AFTER === 0) size = Math.min(max, size * 2);
    },
  };
}

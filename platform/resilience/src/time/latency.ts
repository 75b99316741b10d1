/** How long recent calls have taken. */
export interface LatencyTracker {
  /** Since the start, not decaying. */
  readonly samples: number;
  add(ms: number): void;
  /** An upper bound of the quantile, at most an eighth too high. 0 before the first sample. */
  quantileMs(quantile: number): number;
}

/** Eight buckets for each doubling, from 1/16 ms to 17 minutes. */
const PER_DOUBLING = 8;
const LOWEST_LOG2 = -4;
const BUCKETS = 24 * PER_DOUBLING;
/** After this many samples, older ones lose half their weight. */
const HALF_LIFE = 1_000;
/** Adds up 192 numbers: not for every call. */
const REUSED_FOR = 64;

export function createLatencyTracker(): LatencyTracker {
  const counts = new Float64Array(BUCKETS);
  let total = 0;
  let samples = 0;
  let cached = { quantile: -1, ms: 0, at: Number.NEGATIVE_INFINITY };

  function find(quantile: number): number {
    let left = total * quantile;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      left -= counts[bucket] ?? 0;
      if (left <= 1e-9) return 2 ** ((bucket + 1) / PER_DOUBLING + LOWEST_LOG2);
    }
    return 2 ** (BUCKETS / PER_DOUBLING + LOWEST_LOG2);
  }

  return {
    get samples() {
      return samples;
    },
    add: (ms) => {
      const bucket = Math.floor((Math.log2(Math.max(ms, 1e-9)) - LOWEST_LOG2) * PER_DOUBLING);
      const at = Math.min(BUCKETS - 1, Math.max(0, bucket));
      counts[at] = (counts[at] ?? 0) + 1;
      total += 1;
      samples += 1;
      if (samples % HALF_LIFE !== 0) return;
      for (let index = 0; index < BUCKETS; index += 1) counts[index] = (counts[index] ?? 0) / 2;
      total /= 2;
    },
    quantileMs: (quantile) => {
      if (samples === 0) return 0;
      if (cached.quantile === quantile && samples - cached.at < REUSED_FOR) return cached.ms;
      cached = { quantile, ms: find(quantile), at: samples };
      return cached.ms;
    },
  };
}

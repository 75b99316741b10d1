/**
 * How many took how long: a histogram whose buckets double in two steps (base-2 exponential, scale 1), so that it can be
 * added up over time and services. A quantile of it is off by 20 % at most.
 */
export type DurationCounts = Map<number, number>;

const STEPS_A_DOUBLING = 2;

export function emptyDurations(): DurationCounts {
  return new Map();
}

export function addDuration(counts: DurationCounts, durationNs: number): void {
  const bucket = Math.ceil(Math.log2(Math.max(1, durationNs)) * STEPS_A_DOUBLING);
  counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
}

export function addAll(into: DurationCounts, more: DurationCounts): DurationCounts {
  for (const [bucket, count] of more) into.set(bucket, (into.get(bucket) ?? 0) + count);
  return into;
}

/** Milliseconds below which `ratio` of them lie; `null` when there are none. */
export function quantileMs(counts: DurationCounts, ratio: number): number | null {
  let total = 0;
  for (const count of counts.values()) total += count;
  if (total === 0) return null;
  let seen = 0;
  for (const [bucket, count] of [...counts].sort(([a], [b]) => a - b)) {
    seen += count;
    // The middle of the bucket, so that the error is the same both ways.
    if (seen >= total * ratio) return 2 ** ((bucket - 0.5) / STEPS_A_DOUBLING) / 1_000_000;
  }
  return null;
}

export function formatDurations(counts: DurationCounts): string {
  return JSON.stringify([...counts]);
}

export function parseDurations(text: string): DurationCounts {
  return new Map(JSON.parse(text) as readonly (readonly [number, number])[]);
}

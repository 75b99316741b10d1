/** The p-th percentile (0..1) by nearest rank; `NaN` for no samples. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** `12.3 (11.9 … 14.0, n=5)`: the median and the range of all runs. */
export function summary(samples: readonly number[], digits: number = 0): string {
  const [low, high] = [Math.min(...samples), Math.max(...samples)];
  return `${median(samples).toFixed(digits)} (${low.toFixed(digits)} … ${high.toFixed(digits)}, n=${samples.length})`;
}

/**
 * Ratios of ours to a peer's, one for each pair of runs that followed each other: what slows the machine for a while
 * slows both. Runs without a partner are left out.
 */
export function pairedRatios(ours: readonly number[], peers: readonly number[]): readonly number[] {
  const pairs = Math.min(ours.length, peers.length);
  return Array.from({ length: pairs }, (_none, n) => (ours[n] ?? Number.NaN) / (peers[n] ?? Number.NaN));
}

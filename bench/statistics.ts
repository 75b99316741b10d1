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

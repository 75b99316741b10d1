/** Exponential delay with jitter: between half and all of `baseMs · 2^(attempt-1)`, at most `maxMs`. Attempt from 1. */
export function backoffMs(
  attempt: number,
  baseMs: number,
  maxMs: number,
  random: () => number = Math.random,
): number {
  return spread(Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30)), random);
}

/** Half to all of a delay, so that many waiters do not come back at the same moment. */
export function spread(delayMs: number, random: () => number = Math.random): number {
  return Math.round(delayMs * (0.5 + random() / 2));
}

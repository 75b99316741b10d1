/** How failed logins of one subject slow the next attempt down. Never for ever: the delay has a cap. */
export interface DelayRule {
  /** Failures that cost nothing. */
  readonly freeFailures: number;
  /** Delay after the first failure above them; it doubles with each further one. */
  readonly baseMs: number;
  readonly capMs: number;
  /** One failure is forgotten for each such stretch without another. */
  readonly forgetOneAfterMs: number;
}

const MINUTE_MS = 60_000;

/** Brute force: about a hundred guesses a day are left. */
export const accountRule: DelayRule = {
  freeFailures: 5,
  baseMs: 1_000,
  capMs: 15 * MINUTE_MS,
  forgetOneAfterMs: 15 * MINUTE_MS,
};

/** One password tried on many accounts. Generous, because a whole office may share an address. */
export const addressRule: DelayRule = {
  freeFailures: 50,
  baseMs: 1_000,
  capMs: MINUTE_MS,
  forgetOneAfterMs: 10_000,
};

/** How long the next attempt has to wait after so many failures in a row. */
export function delayMs(failures: number, rule: DelayRule): number {
  const excess = failures - rule.freeFailures;
  return excess <= 0 ? 0 : Math.min(rule.capMs, rule.baseMs * 2 ** (excess - 1));
}

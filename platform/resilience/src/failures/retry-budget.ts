/** Keeps retries from doubling the load of a service that is in trouble. */
export interface RetryBudget {
  /** Once for each call (not for each attempt). */
  earn(): void;
  /** May this retry be made? Asked when it is scheduled, so that those that wait have been counted. */
  spend(nowMs: number): boolean;
}

/** Retries that even an edge with few calls may make. */
const MINIMUM_PER_SECOND = 3;
/** Hundredths of a retry: whole numbers add up exactly. */
const ONE = 100;
const MOST_SAVED = 100 * ONE;

/** `percent` of the calls may be repeated, and at least three a second; 0 = none at all. */
export function createRetryBudget(percent: number): RetryBudget {
  if (percent <= 0) return { earn: () => undefined, spend: () => false };
  let saved = 0;
  let gift = MINIMUM_PER_SECOND;
  let givenAtMs = 0;
  return {
    earn: () => {
      if (saved < MOST_SAVED) saved += percent;
    },
    spend: (nowMs) => {
      if (saved >= ONE) {
        saved -= ONE;
        return true;
      }
      gift = Math.min(MINIMUM_PER_SECOND, gift + ((nowMs - givenAtMs) / 1000) * MINIMUM_PER_SECOND);
      givenAtMs = nowMs;
      if (gift < 1) return false;
      gift -= 1;
      return true;
    },
  };
}

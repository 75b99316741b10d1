import type { Status } from '../state/records.ts';

export interface DampingLimits {
  readonly successesBeforePassing: number;
  readonly failuresBeforeWarning: number;
  readonly failuresBeforeCritical: number;
}

/** What is reported after each result: only so many of the same in a row change it. A warning counts as a success. */
export interface Damping {
  /** `undefined` = nothing new. */
  next(result: Status): Status | undefined;
}

export function createDamping(limits: DampingLimits): Damping {
  let successes = 0;
  let failures = 0;
  return {
    next: (result) => {
      if (result !== 'critical') {
        failures = 0;
        successes += 1;
        return successes >= limits.successesBeforePassing ? result : undefined;
      }
      successes = 0;
      failures += 1;
      if (failures >= limits.failuresBeforeCritical) return 'critical';
      return failures >= limits.failuresBeforeWarning ? 'warning' : undefined;
    },
  };
}

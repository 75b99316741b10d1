/** What came before: kept between the crashes of one process. */
export interface CrashHistory {
  /** Crashes since it was last healthy for a minute: each doubles the wait. */
  readonly crashes: number;
  /** Crashes in a row that came at once: five of them are a loop. */
  readonly quickCrashes: number;
}

export interface AfterCrash {
  readonly delayMs: number;
  readonly history: CrashHistory;
  /** It cannot stay up: starting it once more is of no use. */
  readonly isLoop: boolean;
}

export interface Crash {
  /** How long it had been ready; 0: it never was. */
  readonly readyForMs: number;
  /** Not if what it needs was away: that is no sign of what it would do otherwise. */
  readonly isOwnFault: boolean;
}

export const NO_CRASHES: CrashHistory = { crashes: 0, quickCrashes: 0 };

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;
const HEALTHY_MS = 60_000;
const QUICK_MS = 5_000;
export const LOOP_AFTER = 5;

/**
 * What to do about a process that ended unasked. One that is killed now and then is always brought back; one that
 * cannot stay up by its own fault is in a loop.
 */
export function afterCrash(history: CrashHistory, { readyForMs, isOwnFault }: Crash): AfterCrash {
  const crashes = readyForMs >= HEALTHY_MS ? 1 : history.crashes + 1;
  const counted = readyForMs < QUICK_MS ? history.quickCrashes + 1 : 0;
  const quickCrashes = isOwnFault ? counted : history.quickCrashes;
  return {
    delayMs: Math.min(FIRST_DELAY_MS * 2 ** (crashes - 1), LONGEST_DELAY_MS),
    history: { crashes, quickCrashes },
    isLoop: quickCrashes >= LOOP_AFTER,
  };
}

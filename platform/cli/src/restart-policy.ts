/** What came before: kept between the crashes of one process. */
export interface CrashHistory {
  /** Crashes since it was last healthy for a minute: each doubles the wait. */
  readonly crashes: number;
  /** Crashes in a row that came at once: five of them are a loop. */
  readonly quickCrashes: number;
}

export type AfterCrash =
  | { readonly restart: true; readonly delayMs: number; readonly history: CrashHistory }
  | { readonly restart: false };

export const NO_CRASHES: CrashHistory = { crashes: 0, quickCrashes: 0 };

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;
const HEALTHY_MS = 60_000;
const QUICK_MS = 5_000;
const LOOP_AFTER = 5;

/**
 * What to do about a process that ended unasked, `readyForMs` after it had become ready (0: it never did).
 * A process that is killed now and then is always brought back; one that cannot stay up is given up.
 */
export function afterCrash(history: CrashHistory, readyForMs: number): AfterCrash {
  const crashes = readyForMs >= HEALTHY_MS ? 1 : history.crashes + 1;
  const quickCrashes = readyForMs < QUICK_MS ? history.quickCrashes + 1 : 0;
  if (quickCrashes >= LOOP_AFTER) return { restart: false };
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (crashes - 1), LONGEST_DELAY_MS);
  return { restart: true, delayMs, history: { crashes, quickCrashes } };
}

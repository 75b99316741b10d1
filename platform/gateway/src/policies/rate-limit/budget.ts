import { BoundedMap } from '@flotilla/kernel';

/** How many requests in how much time. */
export interface BudgetRule {
  readonly limit: number;
  readonly periodMs: number;
  /** Penalty from the first rejection on, `undefined` = until the period ends. */
  readonly waitMs: number | undefined;
}

export interface Admission {
  readonly admitted: boolean;
  /** How many more this period; 0 when rejected. */
  readonly remaining: number;
  /** Until the period ends, or for a rejection until a request would be admitted again. */
  readonly resetAfterMs: number;
}

/** One owner's budget in the current period. */
interface Window {
  count: number;
  endsAtMs: number;
  /** A penalty runs until then; 0 = none was given. */
  blockedUntilMs: number;
}

export interface Budgets {
  /** Counts one request of the owner; checking and counting are one step. */
  admit(owner: string, nowMs: number): Admission;
}

const MAX_OWNERS = 100_000;

/**
 * Fixed periods that begin with the first request counted, in the memory of this process. Above 100,000 owners
 * the one that was seen first is forgotten, which can only ever give an owner more.
 */
export function createBudgets({ limit, periodMs, waitMs }: BudgetRule): Budgets {
  const windows = new BoundedMap<string, Window>(MAX_OWNERS);

  function current(owner: string, nowMs: number): Window {
    const known = windows.get(owner);
    if (known !== undefined && isRunning(known, nowMs)) return known;
    const fresh = { count: 0, endsAtMs: nowMs + periodMs, blockedUntilMs: 0 };
    windows.set(owner, fresh);
    return fresh;
  }

  return {
    admit: (owner, nowMs) => {
      const window = current(owner, nowMs);
      const isBlocked = window.blockedUntilMs > nowMs;
      if (!isBlocked && window.count < limit) {
        window.count += 1;
        const resetAfterMs = window.endsAtMs - nowMs;
        return { admitted: true, remaining: limit - window.count, resetAfterMs };
      }
      if (waitMs !== undefined && !isBlocked) window.blockedUntilMs = nowMs + waitMs;
      const againAtMs = waitMs === undefined ? window.endsAtMs : window.blockedUntilMs;
      return { admitted: false, remaining: 0, resetAfterMs: againAtMs - nowMs };
    },
  };
}

/** A penalty outlasts its period; one that is over ends the period too. */
function isRunning({ endsAtMs, blockedUntilMs }: Window, nowMs: number): boolean {
  return blockedUntilMs > 0 ? blockedUntilMs > nowMs : endsAtMs > nowMs;
}

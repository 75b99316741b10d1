import { isPlatformError, PlatformError } from '@flotilla/kernel';
import type { Attempt } from '../policy/policy-options.ts';
import { fullJitterMs } from '../time/backoff.ts';
import type { Timer, Timers } from '../time/timers.ts';

/**
 * What calls do while no instance of a service can be reached, which is what a restart looks like: they wait while one of
 * them at a time tries, instead of each on its own.
 */
export interface Reach {
  /** `undefined`: go ahead. Otherwise resolves when it is time to; rejects with the last failure when that is unlikely to come. */
  turn(attempt: Attempt): Promise<void> | undefined;
  /** No known instance took a connection. Returns the error for the caller: the same, or a final one when going on is pointless. */
  lost(error: unknown): unknown;
  /** An instance responded, whatever it said. */
  found(): void;
  /** The attempt that went ahead ended without finding out. */
  unknown(): void;
  /** For how many milliseconds no instance has been reachable; `undefined`: one is. */
  readonly lostForMs: number | undefined;
}

/** A restart takes less, even on a busy machine; after this, calls fail at once, and one now and then tries. */
const GIVE_UP_AFTER_MS = 10_000;
const PROBE_BASE_MS = 20;
const PROBE_MAX_MS = 400;
/** Giving up this long before the deadline leaves time to say why. */
const MARGIN_MS = 20;

interface Waiting {
  go(): void;
  giveUp(): void;
}

export function createReach(timers: Timers, random: () => number): Reach {
  const waiting = new Set<Waiting>();
  let lastError: unknown;
  let lostAtMs: number | undefined;
  let failures = 0;
  let isProbed = false;
  let pause: Timer | undefined;

  function probeNext(): void {
    pause = undefined;
    const [first] = waiting;
    if (first === undefined || lostAtMs === undefined) return; // the next call tries
    isProbed = true;
    first.go();
  }

  function isGivenUp(): boolean {
    return lostAtMs !== undefined && timers.nowMs - lostAtMs > GIVE_UP_AFTER_MS;
  }

  function wait(attempt: Attempt): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => () => {
        if (!waiting.delete(one)) return;
        limit.cancel();
        settle();
      };
      const giveUp = end(() => reject(final(lastError)));
      const one: Waiting = { go: end(resolve), giveUp };
      waiting.add(one);
      const limit = timers.after(Math.max(0, attempt.remainingMs() - MARGIN_MS), giveUp);
      attempt.onCancel(giveUp);
    });
  }

  return {
    get lostForMs() {
      return lostAtMs === undefined ? undefined : timers.nowMs - lostAtMs;
    },
    turn: (attempt) => {
      if (lostAtMs === undefined) return undefined;
      if (!isProbed && pause === undefined) {
        isProbed = true;
        return undefined;
      }
      return isGivenUp() ? Promise.reject(final(lastError)) : wait(attempt);
    },
    lost: (error) => {
      lastError = error;
      lostAtMs ??= timers.nowMs;
      failures += 1;
      isProbed = false;
      pause ??= timers.after(fullJitterMs(failures, PROBE_BASE_MS, PROBE_MAX_MS, random), probeNext);
      if (!isGivenUp()) return error;
      for (const one of [...waiting]) one.giveUp();
      return final(error);
    },
    found: () => {
      if (lostAtMs === undefined) return;
      lostAtMs = undefined;
      failures = 0;
      isProbed = false;
      pause?.cancel();
      pause = undefined;
      for (const one of [...waiting]) one.go();
    },
    unknown: () => {
      if (!isProbed) return;
      isProbed = false;
      if (pause === undefined) probeNext();
    },
  };
}

/** The same, for callers that must not try again by themselves. */
function final(error: unknown): unknown {
  if (!isPlatformError(error)) return error;
  const { code, message, retryable, details } = error;
  return new PlatformError(code, message, {
    retryable,
    details: { ...details, isFinal: true },
    cause: error,
  });
}

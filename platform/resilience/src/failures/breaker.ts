import { createFailureWindow } from './failure-window.ts';

/** How a call ended, for those that judge an instance or a service by it. */
export type CallOutcome = 'answered' | 'failed' | 'abandoned';

export interface BreakerOptions {
  /** Opens after this many consecutive failures, however few calls there are. `undefined`: not for that reason. */
  readonly consecutiveFailures?: number | undefined;
  /** Opens when this share of the calls in `windowMs` fails, 0 … 1. `undefined`: not for that reason. */
  readonly failureRatio?: number | undefined;
  /** The share counts from this many calls on. Default 20. */
  readonly minimumCalls?: number;
  /** Default 10,000. */
  readonly windowMs?: number;
  /** Default 5,000. */
  readonly openMs?: number;
  /** Share of `openMs` by which it varies, so that many callers do not come back at once. Default 0. */
  readonly openJitter?: number;
  /** Trials that must succeed before it closes, and the most that run at a time. Default 1. */
  readonly trials?: number;
  /** After closing, admits from a tenth of the calls to all of them over this time. Default 0: all at once. */
  readonly rampMs?: number;
}

export type BreakerState = 'closed' | 'open' | 'half-open';

/** What one caller has learnt about a service: while it fails, nothing is sent to it. */
export interface Breaker {
  readonly state: BreakerState;
  /** Results of calls that were admitted in an earlier state. */
  readonly stale: number;
  /** 0: refused. Every other permit is followed by one `record`, however the call ends. */
  admit(nowMs: number): number;
  /** Results of calls that were admitted in an earlier state change nothing. */
  record(permit: number, outcome: CallOutcome, nowMs: number): void;
}

/** Where the ramp begins, as a share of the calls. */
const RAMP_FROM = 0.1;
/** With no more calls than this in flight, none is refused during the ramp. */
const RAMP_FREE = 5;
const LAST_PERMIT = 0x3fffffff;

/** `onChange` hears of every change of state. `random` is uniform in [0, 1). */
export function createBreaker(
  options: BreakerOptions,
  onChange: (state: BreakerState) => void = () => undefined,
  random: () => number = Math.random,
): Breaker {
  const { openMs = 5_000, openJitter = 0, trials = 1, rampMs = 0 } = options;
  const failing = createFailing(options);
  let state: BreakerState = 'closed';
  let permit = 1; // a new one for each state, so that late results are told apart
  let underWay = 0; // with the present permit
  let succeeded = 0; // trials
  let openUntilMs = 0;
  let rampUntilMs = Number.NEGATIVE_INFINITY;
  let stale = 0;

  function enter(next: BreakerState): void {
    state = next;
    permit = (permit % LAST_PERMIT) + 1;
    underWay = 0;
    succeeded = 0;
    failing.reset();
    onChange(next);
  }

  function open(nowMs: number): void {
    openUntilMs = nowMs + openMs * (1 + openJitter * (2 * random() - 1));
    enter('open');
  }

  function isHeldBack(nowMs: number): boolean {
    if (nowMs >= rampUntilMs || underWay < RAMP_FREE) return false;
    const passed = 1 - (rampUntilMs - nowMs) / rampMs;
    return random() >= RAMP_FROM + (1 - RAMP_FROM) * passed;
  }

  function recordTrial(failed: boolean, nowMs: number): void {
    if (failed) {
      open(nowMs);
      return;
    }
    succeeded += 1;
    if (succeeded < trials) return;
    rampUntilMs = rampMs > 0 ? nowMs + rampMs : Number.NEGATIVE_INFINITY;
    enter('closed');
  }

  return {
    get state() {
      return state;
    },
    get stale() {
      return stale;
    },
    admit: (nowMs) => {
      if (state === 'closed') {
        if (isHeldBack(nowMs)) return 0;
      } else {
        if (state === 'open' && nowMs >= openUntilMs) enter('half-open');
        if (state === 'open' || underWay + succeeded >= trials) return 0;
      }
      underWay += 1;
      return permit;
    },
    record: (admitted, outcome, nowMs) => {
      if (admitted !== permit) {
        stale += 1;
        return;
      }
      underWay -= 1;
      if (outcome === 'abandoned') return; // it says nothing: the next call is the trial
      const failed = outcome === 'failed';
      if (state === 'half-open') recordTrial(failed, nowMs);
      else if (failing.record(failed, nowMs)) open(nowMs);
    },
  };
}

interface Failing {
  /** `true`: that is too many. */
  record(failed: boolean, nowMs: number): boolean;
  reset(): void;
}

/** By consecutive failures, by their share in a window, or by whichever comes first. */
function createFailing(options: BreakerOptions): Failing {
  const { consecutiveFailures = Number.POSITIVE_INFINITY, failureRatio } = options;
  const { minimumCalls = 20, windowMs = 10_000 } = options;
  const window = failureRatio === undefined ? undefined : createFailureWindow(windowMs);
  let inARow = 0;
  return {
    record: (failed, nowMs) => {
      inARow = failed ? inARow + 1 : 0;
      window?.add(failed, nowMs);
      if (!failed) return false;
      if (inARow >= consecutiveFailures) return true;
      if (window === undefined || failureRatio === undefined || window.calls < minimumCalls) return false;
      return window.failures / window.calls >= failureRatio;
    },
    reset: () => {
      inARow = 0;
      window?.reset();
    },
  };
}

import type { BreakerConfig } from '../policies/circuit-breaker/config.ts';
import type { Refusal } from '../wire/rules/refusal.ts';
import type { CallOutcome } from './backends.ts';
import { createFailureWindow } from './failure-window.ts';

/** What one route has learnt about its back end: while it fails, nothing is sent to it. */
export interface Breaker {
  readonly state: 'closed' | 'open' | 'half-open';
  /** What is answered when nothing may be sent. */
  readonly refusal: Refusal;
  /** 0 = no. Every other permit is followed by one `record`, whatever becomes of the call. */
  admit(nowMs: number): number;
  /** Results of calls that were admitted in an earlier state change nothing. */
  record(permit: number, outcome: CallOutcome, nowMs: number): void;
}

/** `onChange` hears of every change of state. */
export function createBreaker(config: BreakerConfig, onChange: (state: Breaker['state']) => void): Breaker {
  const failing =
    config.failureRatio === undefined
      ? consecutive(config.minimumThroughput)
      : ratio(config, config.failureRatio);
  let state: Breaker['state'] = 'closed';
  let permit = 1; // a new one for each state, so that late results are told apart
  let isTrialOut = false;
  let openUntilMs = 0;

  function enter(next: Breaker['state']): void {
    state = next;
    permit = (permit % 0x3fffffff) + 1;
    isTrialOut = false;
    failing.reset();
    onChange(next);
  }

  return {
    get state() {
      return state;
    },
    refusal: {
      status: 503,
      code: 'circuit-open',
      text: `Circuit breaker is open for route -> ${config.route}`,
    },
    admit: (nowMs) => {
      if (state === 'closed') return permit;
      if (state === 'open' && nowMs >= openUntilMs) enter('half-open');
      if (state === 'open' || isTrialOut) return 0;
      isTrialOut = true;
      return permit;
    },
    record: (admitted, outcome, nowMs) => {
      if (admitted !== permit || state === 'open') return;
      if (outcome === 'abandoned') {
        isTrialOut = false; // it says nothing: the next request is the trial
        return;
      }
      const failed = outcome !== 'answered';
      if (state === 'half-open' && !failed) return enter('closed');
      const opens = state === 'half-open' || failing.record(failed, nowMs);
      if (!opens) return;
      openUntilMs = nowMs + config.breakMs;
      enter('open');
    },
  };
}

interface Failing {
  /** `true` = that is too much. */
  record(failed: boolean, nowMs: number): boolean;
  reset(): void;
}

function consecutive(limit: number): Failing {
  let failures = 0;
  return {
    record: (failed) => {
      failures = failed ? failures + 1 : 0;
      return failures >= limit;
    },
    reset: () => {
      failures = 0;
    },
  };
}

function ratio({ minimumThroughput, samplingMs }: BreakerConfig, limit: number): Failing {
  const window = createFailureWindow(samplingMs);
  return {
    record: (failed, nowMs) => {
      window.add(failed, nowMs);
      if (!failed || window.calls < minimumThroughput) return false;
      return window.failures / window.calls >= limit;
    },
    reset: window.reset,
  };
}

import { createBreaker as createCircuit } from '@flotilla/resilience';
import type { BreakerConfig } from '../policies/circuit-breaker/config.ts';
import type { Refusal } from '../wire/rules/refusal.ts';
import type { CallOutcome } from './backends.ts';

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
  const { minimumThroughput, failureRatio, samplingMs, breakMs, route } = config;
  const breaker = createCircuit(
    failureRatio === undefined
      ? { consecutiveFailures: minimumThroughput, openMs: breakMs }
      : { failureRatio, minimumCalls: minimumThroughput, windowMs: samplingMs, openMs: breakMs },
    onChange,
  );
  return {
    get state() {
      return breaker.state;
    },
    refusal: {
      status: 503,
      code: 'circuit-open',
      text: `Circuit breaker is open for route -> ${route}`,
    },
    admit: breaker.admit,
    record: (permit, outcome, nowMs) =>
      breaker.record(permit, outcome === 'not-connected' ? 'failed' : outcome, nowMs),
  };
}

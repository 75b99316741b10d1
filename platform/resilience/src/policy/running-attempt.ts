import { circuitOpenError, overloadedError } from '../errors.ts';
import type { CallOutcome } from '../failures/breaker.ts';
import { FAULT, type Verdict } from '../failures/verdict.ts';
import type { Waiter } from '../limits/bulkhead.ts';
import type { Timer } from '../time/timers.ts';
import type { Execution } from './execution.ts';
import type { Attempt } from './policy-options.ts';

const REFUSED_HERE: Verdict = { says: 'nothing', repeat: 'never' };

/** One attempt: waits for a slot, takes a permit, runs, and gives both back when its work has really ended. */
export class RunningAttempt<T> implements Attempt, Waiter {
  readonly number: number;
  readonly isHedge: boolean;
  target: string | undefined;
  readonly #execution: Execution<T>;
  #phase: 'waiting' | 'running' | 'abandoned' | 'ended' = 'waiting';
  #permit = 0;
  #startedAtMs = 0;
  #limit: Timer | undefined;
  #cancel: ((reason: Error) => void) | undefined;
  #reason: Error | undefined;
  #isLate = false;
  #controller: AbortController | undefined;
  #queued: (() => void) | undefined;

  constructor(execution: Execution<T>, number: number, isHedge: boolean) {
    this.#execution = execution;
    this.number = number;
    this.isHedge = isHedge;
  }

  get isRunning(): boolean {
    return this.#phase === 'running';
  }

  get cancelled(): 'late' | 'unwanted' | undefined {
    if (this.#reason === undefined) return undefined;
    return this.#isLate ? 'late' : 'unwanted';
  }

  get avoid(): ReadonlySet<string> {
    return this.#execution.targets;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  remainingMs(): number {
    return Math.max(0, this.#execution.deadlineAtMs - this.#execution.parts.timers.nowMs);
  }

  onCancel(cancel: (reason: Error) => void): void {
    if (this.#reason === undefined) this.#cancel = cancel;
    else cancel(this.#reason);
  }

  aim(target: string): void {
    this.target = target;
  }

  /** A slot first: waiting for one and then being refused by the breaker costs nothing. */
  enter(): void {
    const { bulkhead } = this.#execution.parts;
    const how = bulkhead === undefined ? 'entered' : bulkhead.enter(this);
    if (how === 'entered') this.#begin();
    else if (how === 'refused') this.#overloaded('too many at a time');
    else {
      // By a promise: see `Execution.failed`.
      void new Promise<void>((resolve) => {
        this.#queued = resolve;
      }).then(() => this.#begin());
    }
  }

  /** Called by the bulkhead, as is `giveUp`. */
  granted(): void {
    this.#queued?.();
  }

  giveUp(): void {
    this.#overloaded('waited too long for a slot');
  }

  /** This attempt is abandoned. Its slot stays taken until its work ends. */
  abandon(reason: Error, outcome: CallOutcome): void {
    const { bulkhead, breaker, timers, adaptive } = this.#execution.parts;
    if (this.#phase === 'waiting') {
      this.#phase = 'ended';
      if (this.#queued === undefined) return;
      bulkhead?.withdraw(this);
      return;
    }
    if (this.#phase !== 'running') return;
    this.#phase = 'abandoned';
    this.#limit?.cancel();
    const nowMs = timers.nowMs;
    bulkhead?.abandon();
    breaker?.record(this.#permit, outcome, nowMs);
    if (outcome === 'failed')
      adaptive?.record(nowMs - this.#startedAtMs, bulkhead?.running ?? 0, 'dropped', nowMs);
    this.#reason = reason;
    this.#isLate = outcome === 'failed';
    this.#controller?.abort(reason);
    this.#cancel?.(reason);
  }

  #overloaded(why: string): void {
    const { counts, name } = this.#execution.parts;
    this.#phase = 'ended';
    counts.overloads += 1;
    this.#execution.failed(this, overloadedError(name, why), REFUSED_HERE);
  }

  #begin(): void {
    const { breaker, bulkhead, timers, counts, attemptMs, name } = this.#execution.parts;
    if (this.#phase === 'ended') {
      bulkhead?.leave(false); // given up between the slot and here
      return;
    }
    const nowMs = timers.nowMs;
    if (breaker !== undefined) {
      this.#permit = breaker.admit(nowMs);
      if (this.#permit === 0) {
        this.#phase = 'ended';
        counts.circuitRefusals += 1;
        bulkhead?.leave(false);
        this.#execution.failed(this, circuitOpenError(name), REFUSED_HERE);
        return;
      }
    }
    this.#phase = 'running';
    this.#startedAtMs = nowMs;
    counts.attempts += 1;
    if (attemptMs !== undefined && this.#execution.mayRepeat && attemptMs < this.remainingMs())
      this.#limit = timers.after(attemptMs, () => this.#tooLong());
    this.#start().then(
      (value) => this.#fulfilled(value),
      (error) => this.#rejected(error),
    );
  }

  /** A synchronous throw counts as a rejection. */
  #start(): Promise<T> {
    try {
      return this.#execution.work(this);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #tooLong(): void {
    const error = this.#execution.parts.errors.deadline();
    this.abandon(error, 'failed');
    this.#execution.failed(this, error, FAULT);
  }

  #fulfilled(value: T): void {
    const { breaker, bulkhead, timers, latency, adaptive, slowMs } = this.#execution.parts;
    if (this.#phase === 'abandoned') {
      this.#endedLate();
      return;
    }
    this.#phase = 'ended';
    this.#limit?.cancel();
    const nowMs = timers.nowMs;
    const tookMs = nowMs - this.#startedAtMs;
    latency.add(tookMs);
    breaker?.record(this.#permit, tookMs >= slowMs ? 'failed' : 'answered', nowMs);
    if (bulkhead !== undefined) {
      adaptive?.record(tookMs, bulkhead.running, 'answered', nowMs);
      bulkhead.leave(false);
    }
    this.#execution.succeeded(this, value);
  }

  #rejected(error: unknown): void {
    const { breaker, bulkhead, timers, judge, adaptive } = this.#execution.parts;
    if (this.#phase === 'abandoned') {
      this.#endedLate();
      return;
    }
    this.#phase = 'ended';
    this.#limit?.cancel();
    const nowMs = timers.nowMs;
    const verdict = judge(error);
    breaker?.record(this.#permit, verdict.says === 'nothing' ? 'abandoned' : verdict.says, nowMs);
    if (bulkhead !== undefined) {
      if (verdict.refused === 'overload')
        adaptive?.record(nowMs - this.#startedAtMs, bulkhead.running, 'dropped', nowMs);
      bulkhead.leave(false);
    }
    this.#execution.failed(this, error, verdict);
  }

  #endedLate(): void {
    this.#phase = 'ended';
    this.#execution.parts.bulkhead?.leave(true);
  }
}

import { toError } from '@flotilla/kernel';
import { currentContext } from '@flotilla/telemetry';
import { overloadedError } from '../errors.ts';
import type { CallOutcome } from '../failures/breaker.ts';
import { FAULT, type Verdict } from '../failures/verdict.ts';
import { fullJitterMs } from '../time/backoff.ts';
import type { Timer } from '../time/timers.ts';
import type { Attempt, PolicyCall } from './policy-options.ts';
import type { PolicyParts } from './policy-parts.ts';
import { RunningAttempt } from './running-attempt.ts';

/** Waits after attempts that reached no instance are short: another one is there, or will be soon. */
const UNSENT_BASE_MS = 20;
const UNSENT_MAX_MS = 400;
/** The quantile of latencies that says whether a call can still be done in time. */
const HOPE_QUANTILE = 0.1;
const HOPE_SAMPLES = 100;
/** One in this many calls that cannot be done in time is made all the same, to notice when latencies improve. */
const HOPE_AGAIN = 16;
const NO_TARGETS: ReadonlySet<string> = new Set();

/**
 * One call. A class, like its attempts, because it is the hot path of everything that calls: methods are made once, closures
 * for each call.
 */
export class Execution<T> {
  readonly parts: PolicyParts;
  readonly #work: (attempt: Attempt) => Promise<T>;
  readonly #call: PolicyCall<T>;
  readonly #resolve: (value: T | Promise<T>) => void;
  readonly #reject: (error: unknown) => void;
  deadlineAtMs = 0;
  #deadline: Timer | undefined;
  #pause: Timer | undefined;
  #attempts = 0;
  #running: RunningAttempt<T> | undefined;
  /** The one beside it, if there are two. */
  #hedge: RunningAttempt<T> | undefined;
  #targets: Set<string> | undefined;
  /** Of an attempt that reached no instance, until another one is sent. */
  #unsent: unknown;
  #isDone = false;

  constructor(
    parts: PolicyParts,
    work: (attempt: Attempt) => Promise<T>,
    call: PolicyCall<T>,
    resolve: (value: T | Promise<T>) => void,
    reject: (error: unknown) => void,
  ) {
    this.parts = parts;
    this.#work = work;
    this.#call = call;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(allowedMs: number): void {
    const { counts, timers, retry, hedge, rate } = this.parts;
    const { signal } = this.#call;
    counts.calls += 1;
    if (signal?.aborted) {
      this.#fail(this.parts.errors.cancelled(signal.reason));
      return;
    }
    if (allowedMs <= 0 || this.#isHopeless(allowedMs)) {
      this.#expire();
      return;
    }
    if (rate !== undefined && rate.admit('', timers.nowMs) > 0) {
      this.#overload('too many calls');
      return;
    }
    retry?.budget.earn();
    if (hedge !== undefined && hedge.saved < 1_000) hedge.saved += hedge.percent;
    const nowMs = timers.nowMs;
    this.deadlineAtMs = nowMs + allowedMs;
    this.#deadline = timers.after(allowedMs, () => this.#expire());
    signal?.addEventListener('abort', this, { once: true });
    this.#launch(false);
    if (hedge !== undefined && this.#call.repeatable === true && !this.#isDone) this.#planHedge();
  }

  /** Of the caller's signal. */
  handleEvent(): void {
    const { signal } = this.#call;
    this.#end(this.parts.errors.cancelled(signal?.reason), 'abandoned');
  }

  get targets(): ReadonlySet<string> {
    return this.#targets ?? NO_TARGETS;
  }

  work(attempt: RunningAttempt<T>): Promise<T> {
    return this.#work(attempt);
  }

  succeeded(attempt: RunningAttempt<T>, value: T): void {
    if (this.#isDone) return;
    const other = attempt === this.#running ? this.#hedge : this.#running;
    if (attempt.isHedge) this.parts.counts.hedgesWon += 1;
    this.#finish();
    other?.abandon(HEDGED, 'abandoned');
    this.#resolve(value);
  }

  failed(attempt: RunningAttempt<T>, error: unknown, verdict: Verdict): void {
    if (this.#isDone) return;
    this.#remember(attempt);
    if (attempt === this.#hedge) this.#hedge = undefined;
    else {
      this.#running = this.#hedge;
      this.#hedge = undefined;
    }
    if (this.#running !== undefined) return; // the other one may still succeed
    this.#pause?.cancel();
    this.#unsent = verdict.unsent === true ? error : undefined;
    const delayMs = this.#retryDelayMs(verdict);
    if (delayMs === undefined) {
      this.#fail(error, verdict);
      return;
    }
    this.parts.onRetry(error, this.#attempts, delayMs);
    // By a promise, since what runs in a timer's callback has lost the context of the request.
    void new Promise<void>((resolve) => {
      this.#pause = this.parts.timers.after(delayMs, resolve, true);
    }).then(() => {
      if (!this.#isDone) this.#launch(false);
    });
  }

  #launch(isHedge: boolean): void {
    this.#attempts += 1;
    const attempt = new RunningAttempt(this, this.#attempts, isHedge);
    if (isHedge) this.#hedge = attempt;
    else this.#running = attempt;
    attempt.enter();
  }

  /** Has hardly any call ever been done in so little time? */
  #isHopeless(allowedMs: number): boolean {
    const { latency, counts } = this.parts;
    if (latency.samples < HOPE_SAMPLES || allowedMs >= latency.quantileMs(HOPE_QUANTILE)) return false;
    counts.hopeless += 1;
    return counts.hopeless % HOPE_AGAIN !== 0;
  }

  #planHedge(): void {
    const { hedge, latency, timers } = this.parts;
    if (hedge === undefined || latency.samples < hedge.minimumSamples || !hedge.isUseful()) return;
    const delayMs = Math.max(hedge.minimumMs, latency.quantileMs(hedge.quantile));
    void new Promise<void>((resolve) => {
      this.#pause = timers.after(delayMs, resolve);
    }).then(() => this.#startHedge());
  }

  /** Only beside a running attempt, within the share, and not under load. */
  #startHedge(): void {
    const { hedge, bulkhead, limitOf, counts } = this.parts;
    const first = this.#running;
    if (this.#isDone || hedge === undefined || first === undefined || !first.isRunning) return;
    if (hedge.saved < 100 || (bulkhead !== undefined && bulkhead.running * 2 > limitOf())) return;
    hedge.saved -= 100;
    counts.hedges += 1;
    this.#remember(first);
    this.#launch(true);
  }

  #remember({ target }: RunningAttempt<T>): void {
    if (target === undefined) return;
    this.#targets ??= new Set();
    this.#targets.add(target);
  }

  /** `undefined` = no further attempt. */
  #retryDelayMs({ repeat, unsent = false, afterMs }: Verdict): number | undefined {
    const { retry, timers, counts, random } = this.parts;
    if (retry === undefined || repeat === 'never') return undefined;
    if (repeat === 'repeatable' && !this.mayRepeat) return undefined;
    if (this.#attempts >= (unsent ? retry.unsentAttempts : retry.attempts)) return undefined;
    const jitterMs = unsent
      ? fullJitterMs(this.#attempts, UNSENT_BASE_MS, UNSENT_MAX_MS, random)
      : fullJitterMs(this.#attempts, retry.baseMs, retry.maxMs, random);
    const delayMs = (afterMs ?? 0) + jitterMs;
    const nowMs = timers.nowMs;
    if (nowMs + delayMs >= this.deadlineAtMs) return undefined;
    if (!unsent && !retry.budget.spend(nowMs)) {
      counts.retriesDenied += 1;
      return undefined;
    }
    counts.retries += 1;
    return delayMs;
  }

  /** Work that a service above repeats already is not repeated here. */
  get mayRepeat(): boolean {
    return this.#call.repeatable === true && (currentContext()?.retryAttempt ?? 0) === 0;
  }

  #overload(why: string): void {
    this.parts.counts.overloads += 1;
    this.#fail(overloadedError(this.parts.name, why), FAULT);
  }

  #expire(): void {
    this.parts.counts.deadlines += 1;
    // While nothing is in flight the last failure says more than that time is up, and that nothing was sent.
    const isUnderWay = this.#running?.target !== undefined;
    this.#end(
      isUnderWay ? this.parts.errors.deadline() : (this.#unsent ?? this.parts.errors.deadline()),
      'failed',
      FAULT,
    );
  }

  /** Ends the call whatever is running. */
  #end(error: unknown, outcome: CallOutcome, verdict?: Verdict): void {
    if (this.#isDone) return;
    const running = this.#running;
    const hedge = this.#hedge;
    this.#fail(error, verdict);
    const reason = toError(error);
    running?.abandon(reason, outcome);
    hedge?.abandon(reason, outcome);
  }

  #finish(): void {
    this.#isDone = true;
    this.#deadline?.cancel();
    this.#pause?.cancel();
    this.#call.signal?.removeEventListener('abort', this);
  }

  #fail(error: unknown, verdict?: Verdict): void {
    this.#finish();
    const { fallback } = this.#call;
    if (fallback === undefined || verdict === undefined || verdict.says === 'answered') {
      this.#reject(error);
      return;
    }
    this.parts.counts.fallbacks += 1;
    try {
      this.#resolve(fallback(error));
    } catch (thrown) {
      this.#reject(thrown);
    }
  }
}

/** Why an attempt was abandoned that lost against the one beside it. Made once: it is no fault and never shown. */
const HEDGED = new Error('another attempt was quicker');

import type { Duplex } from 'node:stream';
import type { Backend, CallOutcome, Tried } from '../backends/backends.ts';
import type { RouteConfig } from '../config/model.ts';
import type { Exchange } from '../exchange.ts';
import type { AnswerHead } from '../http/answer.ts';
import type { Fields } from '../http/fields.ts';
import type { AnswerSink, UpstreamCall, UpstreamFailure, Upstreams } from '../http/upstream.ts';
import { BAD_GATEWAY, BODY_TOO_LARGE, CLIENT_GONE, type Refusal } from '../refusal.ts';
import type { Timer, Timers } from '../timers.ts';
import { downstreamBaseUrl } from '../transforms/header-transforms.ts';
import type { RouteRuntime, Side } from './route-runtime.ts';

export interface ForwardDeps {
  readonly upstreams: Upstreams;
  readonly timers: Timers;
  /** Statuses that differ in Ocelot. */
  readonly refusals: {
    readonly timeout: (route: RouteConfig) => Refusal;
    readonly noInstance: Refusal;
  };
  readonly openTunnel: (
    exchange: Exchange,
    client: Duplex,
    backend: Duplex,
    early: Buffer,
    onClose: () => void,
  ) => void;
  /** Something threw that must not: `done` is called with an internal error. */
  readonly onFault: (exchange: Exchange, error: unknown, done: Forwarding['done']) => void;
  readonly onCache: (exchange: Exchange, result: CacheResult) => void;
  /** One try has ended. */
  readonly onTry: (exchange: Exchange, backend: Backend, outcome: TryOutcome) => void;
}

export type CacheResult = 'hit' | 'miss' | 'stale' | 'coalesced' | 'bypass';

export interface TryOutcome {
  readonly outcome: CallOutcome;
  readonly status: number | undefined;
  readonly failure: UpstreamFailure | undefined;
  readonly willRetry: boolean;
  readonly durationMs: number;
}

/** Sees the answer of the back end pass. */
export interface AnswerTap {
  head(head: AnswerHead, backend: Backend): void;
  data(chunk: Buffer): void;
  end(how: 'complete' | 'incomplete'): void;
}

export interface Forwarding {
  readonly side: Side;
  readonly tap: AnswerTap | undefined;
  readonly fallback: Fallback | undefined;
  /** Called once: with `undefined` when the client has its answer (or is gone), with a refusal when nothing was answered yet. */
  readonly done: (refusal: Refusal | undefined) => void;
}

/** Somebody else who can answer. */
export interface Fallback {
  /** Asked before an answer with this status is passed on, or in place of a failure. */
  accepts(outcome: number | UpstreamFailure['progress']): boolean;
  /** Goes on in place of `done`. */
  take(): void;
}

const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']);
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 250;
const NOBODY: Tried = { refused: new Set(), avoid: new Set() };

/**
 * Passes a request to an instance and its answer back while it arrives. A request is sent a second time only if it is idempotent, has
 * no body on its way and no byte of an answer came; a try that found no connection sent nothing and may always be repeated elsewhere.
 */
export function forward(
  exchange: Exchange,
  route: RouteRuntime,
  forwarding: Forwarding,
  deps: ForwardDeps,
): void {
  new Forward(exchange, route, forwarding, deps).begin();
}

/** A class, not closures: one is made for each request, and its methods are called for every piece of its answer. */
class Forward implements AnswerSink {
  readonly #exchange: Exchange;
  readonly #route: RouteRuntime;
  readonly #forwarding: Forwarding;
  readonly #deps: ForwardDeps;
  #tried: { readonly refused: Set<string>; readonly avoid: Set<string> } | undefined;
  #target = '';
  #call: UpstreamCall | undefined;
  #backend: Backend | undefined;
  #tryStartedAtMs = 0;
  #status = 0;
  /** Of the whole way to the head of the answer. */
  #deadline: Timer | undefined;
  /** Until instances are looked for again. */
  #pause: Timer | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #patienceMs: number;
  #retriesLeft: number;
  /** Of the breaker, 0 = none to be reported. */
  #permit = 0;
  #isOver = false;

  constructor(exchange: Exchange, route: RouteRuntime, forwarding: Forwarding, deps: ForwardDeps) {
    this.#exchange = exchange;
    this.#route = route;
    this.#forwarding = forwarding;
    this.#deps = deps;
    this.#patienceMs = forwarding.side.patienceMs;
    this.#retriesLeft = route.config.retry.retries;
  }

  begin(): void {
    const { config, breaker, retryBudget } = this.#route;
    const { framing } = this.#exchange.body;
    if (framing.kind === 'length' && framing.bytes > config.maxBodyBytes) {
      this.#over(BODY_TOO_LARGE);
      return;
    }
    const target = this.#forwarding.side.urlFor(this.#exchange);
    if (typeof target !== 'string') {
      this.#over(target);
      return;
    }
    this.#target = target;
    if (breaker !== undefined) {
      this.#permit = breaker.admit(performance.now());
      if (this.#permit === 0) {
        this.#over(breaker.refusal);
        return;
      }
    }
    retryBudget.earn();
    this.#exchange.onGone = () => this.#fail('abandoned', undefined, CLIENT_GONE);
    this.#deadline = this.#deps.timers.after(config.timeoutMs, () =>
      this.#giveUp('unanswered', undefined, this.#deps.refusals.timeout(config)),
    );
    this.#next();
  }

  #next(): void {
    const picked = this.#forwarding.side.pool.pick(this.#exchange, this.#tried ?? NOBODY);
    if (picked instanceof Promise)
      picked.then(
        (backend) => this.#try(backend),
        () => this.#try(undefined),
      );
    else this.#try(picked);
  }

  #try(backend: Backend | undefined): void {
    if (this.#isOver) return;
    if (backend === undefined) {
      this.#waitForInstance();
      return;
    }
    const { config } = this.#route;
    const { outgoing, body, request } = this.#exchange;
    this.#backend = backend;
    this.#exchange.backend = backend.id;
    this.#tryStartedAtMs = performance.now();
    this.#forwarding.side.pool.began(backend);
    this.#call = this.#deps.upstreams.send(
      backend.origin,
      {
        method: outgoing.method,
        target: this.#target,
        authority: backend.authority,
        fields: outgoing.fields,
        body: body.framing.kind === 'none' ? undefined : body,
        maxBodyBytes: config.maxBodyBytes,
        upgrade: config.webSocket && request.handshake === 'websocket',
        requestId: this.#exchange.requestId,
      },
      this,
    );
  }

  /** Instances of a service come back with a restart; a configured host is simply broken. */
  #waitForInstance(): void {
    if (this.#patienceMs <= 0) {
      const { noInstance } = this.#deps.refusals;
      const isBroken = this.#backend !== undefined && this.#forwarding.side.patienceMs === 0;
      this.#giveUp('not-sent', undefined, isBroken ? BAD_GATEWAY : noInstance);
      return;
    }
    this.#patienceMs -= this.#pauseMs;
    this.#pause = this.#deps.timers.after(this.#pauseMs, () => {
      this.#tried?.refused.clear();
      this.#next();
    });
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }

  // What the back end says

  head(head: AnswerHead): void {
    const { config, jar, shapeAnswer } = this.#route;
    const isFailure = isFailureStatus(head.status);
    this.#status = head.status;
    if (config.retry.statuses.includes(head.status) && this.#mayRepeat()) {
      this.#call?.abort();
      this.#repeat('failed', undefined);
      return;
    }
    if (this.#forwarding.fallback?.accepts(head.status)) {
      this.#call?.abort();
      this.#fail(isFailure ? 'failed' : 'answered', undefined, 'fallback');
      return;
    }
    this.#deadline?.cancel();
    this.#report(isFailure ? 'failed' : 'answered');
    jar?.take(head.fields, this.#target, Date.now());
    if (this.#backend === undefined) return; // nobody answers who was not asked
    this.#forwarding.tap?.head(head, this.#backend);
    this.#exchange.answer.start(shapeAnswer(this.#exchange, head, downstreamBaseUrl(this.#backend.origin)));
  }

  data(chunk: Buffer): void {
    this.#forwarding.tap?.data(chunk);
    const { answer } = this.#exchange;
    if (answer.write(chunk)) return;
    this.#call?.pause();
    answer.onDrain = () => {
      answer.onDrain = undefined;
      this.#call?.resume();
    };
  }

  end(trailers: Fields | undefined): void {
    this.#tryEnded(isFailureStatus(this.#status) ? 'failed' : 'answered', undefined, false);
    this.#forwarding.tap?.end('complete');
    this.#exchange.answer.end(trailers);
    this.#over(undefined);
  }

  switched(head: AnswerHead, backend: Duplex, early: Buffer): void {
    const { shapeAnswer } = this.#route;
    this.#deadline?.cancel();
    this.#status = head.status;
    this.#report('answered');
    const client = this.#exchange.answer.switchProtocols(shapeAnswer(this.#exchange, head, ''));
    this.#exchange.onGone = undefined; // from here on the tunnel tells
    this.#deps.openTunnel(this.#exchange, client, backend, early, () => {
      this.#tryEnded('answered', undefined, false);
      this.#over(undefined);
    });
  }

  error(failure: UpstreamFailure): void {
    if (this.#isOver) return;
    if (failure.reason === 'request-body') this.#fail('abandoned', failure, failure.refusal ?? CLIENT_GONE);
    else if (this.#exchange.answer.state !== 'open') this.#fail('failed', failure, BAD_GATEWAY);
    else if (failure.progress === 'not-sent') this.#repeat('not-connected', failure);
    else if (failure.progress === 'unanswered' && this.#mayRepeat()) this.#repeat('failed', failure);
    else this.#giveUp(failure.progress, failure, BAD_GATEWAY);
  }

  // How it goes on, or ends

  #mayRepeat(): boolean {
    const { outgoing, body } = this.#exchange;
    if (this.#retriesLeft <= 0 || !REPEATABLE.has(outgoing.method)) return false;
    if (body.framing.kind !== 'none') return false;
    return this.#route.retryBudget.spend(performance.now());
  }

  #repeat(outcome: CallOutcome, failure: UpstreamFailure | undefined): void {
    this.#tryEnded(outcome, failure, true);
    this.#tried ??= { refused: new Set(), avoid: new Set() };
    if (outcome === 'not-connected') this.#tried.refused.add(this.#backend?.id ?? '');
    else {
      this.#retriesLeft -= 1;
      this.#tried.avoid.add(this.#backend?.id ?? '');
    }
    this.#next();
  }

  #tryEnded(outcome: CallOutcome, failure: UpstreamFailure | undefined, willRetry: boolean): void {
    if (this.#call === undefined || this.#backend === undefined) return;
    this.#call = undefined;
    const durationMs = performance.now() - this.#tryStartedAtMs;
    this.#forwarding.side.pool.ended(this.#backend, outcome, durationMs);
    const status = failure === undefined && this.#status > 0 ? this.#status : undefined;
    this.#deps.onTry(this.#exchange, this.#backend, { outcome, status, failure, willRetry, durationMs });
  }

  #giveUp(
    progress: UpstreamFailure['progress'],
    failure: UpstreamFailure | undefined,
    refusal: Refusal,
  ): void {
    this.#fail('failed', failure, this.#forwarding.fallback?.accepts(progress) ? 'fallback' : refusal);
  }

  /** Ends the exchange with the back end, whatever its state. A client that has a part of an answer is cut. */
  #fail(outcome: CallOutcome, failure: UpstreamFailure | undefined, refusal: Refusal | 'fallback'): void {
    if (this.#isOver) return;
    this.#call?.abort();
    this.#tryEnded(outcome, failure, false);
    this.#report(outcome);
    const { answer } = this.#exchange;
    if (answer.state === 'open') {
      this.#over(refusal);
      return;
    }
    this.#forwarding.tap?.end('incomplete');
    answer.abort();
    this.#over(undefined);
  }

  #report(outcome: CallOutcome): void {
    if (this.#permit > 0) this.#route.breaker?.record(this.#permit, outcome, performance.now());
    this.#permit = 0;
  }

  #over(refusal: Refusal | 'fallback' | undefined): void {
    this.#isOver = true;
    this.#deadline?.cancel();
    this.#pause?.cancel();
    this.#exchange.onGone = undefined;
    if (refusal === 'fallback') this.#forwarding.fallback?.take();
    else this.#forwarding.done(refusal);
  }
}

function isFailureStatus(status: number): boolean {
  return status >= 500 && status <= 508;
}

import type { Backend, CallOutcome, Tried } from '../backends/backends.ts';
import type { Exchange } from '../exchange.ts';
import type { Timer } from '../time/timers.ts';
import type { BackendFailure } from '../wire/backend/backend-call.ts';
import { grpcTimeoutMs, isGrpc } from '../wire/rules/grpc.ts';
import { BAD_GATEWAY, BODY_TOO_LARGE, CLIENT_GONE, type Refusal } from '../wire/rules/refusal.ts';
import { IDEMPOTENT } from '../wire/rules/request.ts';
import type { ResponseHead } from '../wire/rules/response.ts';
import { Attempt, type AttemptOwner, outcomeOf } from './attempt.ts';
import type { ForwardDeps, Forwarding } from './forwarding.ts';
import { followRedirect, MAX_REDIRECTS } from './redirects.ts';
import type { RouteRuntime } from './route-runtime.ts';

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 250;
/** Node's timers go no further, and no client waits so long. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const NOTHING_TRIED: Tried = { refused: new Set(), avoid: new Set() };

/**
 * Passes a request to an instance and its response back while it arrives. A request is sent a second time only if it is idempotent, has
 * no body on its way and no byte of a response came; a try that found no connection sent nothing and may always be repeated elsewhere.
 */
export function forward(
  exchange: Exchange,
  route: RouteRuntime,
  forwarding: Forwarding,
  deps: ForwardDeps,
): void {
  try {
    new Attempts(exchange, route, forwarding, deps).begin();
  } catch (error) {
    deps.onFault(exchange, error, forwarding.sink.done);
  }
}

/** May there be another try, and with whom? A class, not closures: one is made for each request. */
class Attempts implements AttemptOwner {
  readonly exchange: Exchange;
  readonly route: RouteRuntime;
  readonly forwarding: Forwarding;
  readonly deps: ForwardDeps;
  target: string = '';
  #current: Attempt | undefined;
  #tried: { readonly refused: Set<string>; readonly avoid: Set<string> } | undefined;
  /** Redirects that were followed. */
  #hops: number = 0;
  /** Of the whole way to the head of the response. */
  #deadline: Timer | undefined;
  /** Until instances are looked for again. */
  #pause: Timer | undefined;
  #pauseMs: number = FIRST_PAUSE_MS;
  #patienceMs: number;
  #retriesLeft: number;
  /** Of the breaker, 0 = none to be reported. */
  #permit: number = 0;
  /** Of gRPC. */
  #isCall: boolean = false;
  #isOver: boolean = false;

  constructor(exchange: Exchange, route: RouteRuntime, forwarding: Forwarding, deps: ForwardDeps) {
    this.exchange = exchange;
    this.route = route;
    this.forwarding = forwarding;
    this.deps = deps;
    this.#patienceMs = forwarding.side.patienceMs;
    this.#retriesLeft = route.config.retry.retries;
  }

  begin(): void {
    const { exchange } = this;
    const { retryBudget } = this.route;
    const refusal = this.#findRefusal();
    if (refusal !== undefined) {
      this.#over(refusal);
      return;
    }
    retryBudget.earn();
    exchange.onGone = () => this.#fail('abandoned', undefined, CLIENT_GONE);
    this.#limit(this.#timeLimitMs());
    this.#next();
  }

  /** Until the head of the response. Calls of gRPC may be long and silent by design: their clients say how long they wait. */
  #timeLimitMs(): number {
    const { request, outgoing } = this.exchange;
    // Of gRPC-Web it became one on the way.
    this.#isCall = isGrpc(outgoing.fields) && (request.version === '2.0' || !isGrpc(request.fields));
    if (!this.#isCall) return this.forwarding.timeoutMs;
    return grpcTimeoutMs(request.fields) ?? Number.POSITIVE_INFINITY;
  }

  #limit(ms: number): void {
    if (ms > LONGEST_TIMER_MS) return;
    this.#deadline = this.deps.timers.after(ms, () => {
      const leftMs = this.#uploadLeftMs();
      if (leftMs > 0) this.#limit(leftMs);
      else this.#giveUp('unanswered', undefined, this.deps.refusals.timeout(this.route.config));
    });
  }

  /** A back end can answer when it has the request: as long as bytes of it arrive and are taken, the time has not begun. */
  #uploadLeftMs(): number {
    const { deps, forwarding, exchange } = this;
    const { lastByteAtMs } = exchange.body;
    if (this.#isCall || !deps.waitsForUploads || lastByteAtMs === 0) return 0;
    return lastByteAtMs + forwarding.timeoutMs - deps.timers.nowMs;
  }

  /** Why no instance is asked at all; the circuit is asked last, as it counts those it lets pass. */
  #findRefusal(): Refusal | undefined {
    const { exchange, forwarding } = this;
    const { config, breaker } = this.route;
    const { framing } = exchange.body;
    if (exchange.answer.state === 'gone') return CLIENT_GONE;
    if (framing.kind === 'length' && framing.bytes > config.maxBodyBytes) return BODY_TOO_LARGE;
    const target = forwarding.side.urlFor(exchange);
    if (typeof target !== 'string') return target;
    this.target = target;
    if (breaker === undefined) return undefined;
    this.#permit = breaker.admit(performance.now());
    return this.#permit === 0 ? breaker.refusal : undefined;
  }

  #next(): void {
    try {
      const picked = this.forwarding.side.pool.pick(this.exchange, this.#tried ?? NOTHING_TRIED);
      if (picked instanceof Promise)
        picked.then((backend) => this.#try(backend)).catch((error: unknown) => this.fault(error));
      else this.#try(picked);
    } catch (error) {
      this.fault(error); // of a load balancer that is not ours
    }
  }

  #try(backend: Backend | undefined): void {
    if (this.#isOver) return;
    if (backend === undefined) {
      this.#waitForInstance();
      return;
    }
    this.exchange.backend = backend.id;
    this.forwarding.side.pool.began(backend);
    this.#current = new Attempt(this, backend, undefined);
    this.#current.send();
  }

  /** Instances of a service come back with a restart; a configured host is simply broken, an unknown name has none. */
  #waitForInstance(): void {
    const { side } = this.forwarding;
    if (this.#patienceMs <= 0 || !side.pool.isHopeful) {
      const isBroken = this.#current !== undefined && side.patienceMs === 0;
      this.#giveUp('not-sent', undefined, isBroken ? BAD_GATEWAY : this.deps.refusals.noInstance);
      return;
    }
    this.#patienceMs -= this.#pauseMs;
    this.#pause = this.deps.timers.after(this.#pauseMs, () => {
      this.#tried?.refused.clear();
      this.#next();
    });
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }

  // What an attempt comes to

  accepts(attempt: Attempt, head: ResponseHead): boolean {
    const { config } = this.route;
    if (config.handler.followsRedirects && this.#follow(attempt, head)) return false;
    if (config.retry.statuses.includes(head.status) && this.#mayRepeat(attempt)) {
      attempt.abort();
      this.#repeat(attempt, 'failed', undefined);
      return false;
    }
    if (this.forwarding.sink.fallback?.accepts(head.status) !== true) return true;
    attempt.abort();
    this.#fail(outcomeOf(head.status), undefined, 'fallback');
    return false;
  }

  /** The response leads elsewhere, and the gateway goes there in the client's place. */
  #follow(attempt: Attempt, head: ResponseHead): boolean {
    const { outgoing, body, request } = this.exchange;
    if (this.#hops >= MAX_REDIRECTS || request.handshake !== 'none') return false;
    const from = attempt.hop ?? {
      backend: attempt.backend,
      method: outgoing.method,
      target: this.target,
      fields: outgoing.fields,
      hasBody: body.framing.kind !== 'none',
    };
    const hop = followRedirect(head, from);
    if (hop === undefined) return false;
    attempt.abort();
    attempt.ended('answered', undefined, false);
    this.#hops += 1;
    this.#current = new Attempt(this, attempt.backend, hop);
    this.#current.send();
    return true;
  }

  responded(outcome: CallOutcome): void {
    this.#deadline?.cancel();
    this.#report(outcome);
  }

  failed(attempt: Attempt, failure: BackendFailure): void {
    if (this.#isOver) return;
    const { answer, body } = this.exchange;
    const { progress, reason } = failure;
    if (reason === 'request-body') {
      const refusal = failure.refusal ?? (body.state === 'broken' ? CLIENT_GONE : BAD_GATEWAY);
      this.#fail('abandoned', failure, refusal);
    } else if (answer.state !== 'open') this.#fail('failed', failure, BAD_GATEWAY);
    else if (attempt.hop !== undefined) this.#giveUp(progress, failure, BAD_GATEWAY);
    else if (progress === 'not-sent') this.#repeat(attempt, 'not-connected', failure);
    else if (progress === 'unanswered' && this.#mayRepeat(attempt)) this.#repeat(attempt, 'failed', failure);
    else this.#giveUp(progress, failure, BAD_GATEWAY);
  }

  #mayRepeat({ hop }: Attempt): boolean {
    const { outgoing, body } = this.exchange;
    if (hop !== undefined || this.#retriesLeft <= 0 || !IDEMPOTENT.has(outgoing.method)) return false;
    if (body.framing.kind !== 'none') return false;
    return this.route.retryBudget.spend(performance.now());
  }

  #repeat(attempt: Attempt, outcome: CallOutcome, failure: BackendFailure | undefined): void {
    attempt.ended(outcome, failure, true);
    this.#tried ??= { refused: new Set(), avoid: new Set() };
    if (outcome === 'not-connected') this.#tried.refused.add(attempt.backend.id);
    else {
      this.#retriesLeft -= 1;
      this.#tried.avoid.add(attempt.backend.id);
    }
    this.#next();
  }

  // How it ends

  completed(): void {
    this.#over(undefined);
  }

  #giveUp(progress: BackendFailure['progress'], failure: BackendFailure | undefined, refusal: Refusal): void {
    this.#fail('failed', failure, this.forwarding.sink.fallback?.accepts(progress) ? 'fallback' : refusal);
  }

  /** Ends the exchange with the back end, whatever its state. A client that has a part of a response is cut. */
  #fail(outcome: CallOutcome, failure: BackendFailure | undefined, refusal: Refusal | 'fallback'): void {
    if (this.#isOver) return;
    this.#current?.abort();
    this.#current?.ended(outcome, failure, false);
    this.#report(outcome);
    const { answer } = this.exchange;
    if (answer.state === 'open') {
      this.#over(refusal);
      return;
    }
    this.forwarding.sink.tap?.end('incomplete');
    answer.abort();
    this.#over(undefined);
  }

  /** A fault of the gateway or of user code says nothing about the back end. */
  fault(error: unknown): void {
    this.deps.onFault(this.exchange, error, (refusal) =>
      this.#fail('abandoned', undefined, refusal ?? BAD_GATEWAY),
    );
  }

  #report(outcome: CallOutcome): void {
    if (this.#permit > 0) this.route.breaker?.record(this.#permit, outcome, performance.now());
    this.#permit = 0;
  }

  #over(refusal: Refusal | 'fallback' | undefined): void {
    this.#isOver = true;
    this.#deadline?.cancel();
    this.#pause?.cancel();
    this.exchange.onGone = undefined;
    if (refusal === 'fallback') this.forwarding.sink.fallback?.take();
    else this.forwarding.sink.done(refusal);
  }
}

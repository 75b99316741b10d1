import type { Duplex } from 'node:stream';
import type { Backend, CallOutcome, Tried } from '../backends/backends.ts';
import type { Exchange } from '../exchange.ts';
import { downstreamBaseUrl } from '../policies/header-transforms/header-transforms.ts';
import type { Timer } from '../time/timers.ts';
import type { BackendCall, BackendFailure, ResponseSink } from '../wire/backend/backend-call.ts';
import { copyFields, type Fields } from '../wire/rules/fields.ts';
import { BAD_GATEWAY, BODY_TOO_LARGE, CLIENT_GONE, type Refusal } from '../wire/rules/refusal.ts';
import { IDEMPOTENT } from '../wire/rules/request.ts';
import type { ResponseHead } from '../wire/rules/response.ts';
import type { ForwardDeps, Forwarding } from './forwarding.ts';
import { followRedirect, type Hop, MAX_REDIRECTS } from './redirects.ts';
import type { RouteRuntime } from './route-runtime.ts';
import { tunnel } from './tunnel.ts';

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 250;
const NOBODY: Tried = { refused: new Set(), avoid: new Set() };

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
    new Forward(exchange, route, forwarding, deps).begin();
  } catch (error) {
    deps.onFault(exchange, error, forwarding.done);
  }
}

/** A class, not closures: one is made for each request, and its methods are called for every piece of its response. */
class Forward implements ResponseSink {
  readonly #exchange: Exchange;
  readonly #route: RouteRuntime;
  readonly #forwarding: Forwarding;
  readonly #deps: ForwardDeps;
  #tried: { readonly refused: Set<string>; readonly avoid: Set<string> } | undefined;
  #target = '';
  /** Where a redirect led, and how many there were. */
  #hop: Hop | undefined;
  #hops = 0;
  #call: BackendCall | undefined;
  #backend: Backend | undefined;
  #tryStartedAtMs = 0;
  #status = 0;
  /** Of the whole way to the head of the response. */
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
    if (this.#exchange.answer.state === 'gone') {
      this.#over(CLIENT_GONE);
      return;
    }
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
    this.#deadline = this.#deps.timers.after(this.#forwarding.timeoutMs, () =>
      this.#giveUp('unanswered', undefined, this.#deps.refusals.timeout(config)),
    );
    this.#next();
  }

  #next(): void {
    try {
      const picked = this.#forwarding.side.pool.pick(this.#exchange, this.#tried ?? NOBODY);
      if (picked instanceof Promise)
        picked.then((backend) => this.#try(backend)).catch((error: unknown) => this.#fault(error));
      else this.#try(picked);
    } catch (error) {
      this.#fault(error); // of a load balancer that is not ours
    }
  }

  #try(backend: Backend | undefined): void {
    if (this.#isOver) return;
    if (backend === undefined) {
      this.#waitForInstance();
      return;
    }
    this.#backend = backend;
    this.#exchange.backend = backend.id;
    this.#forwarding.side.pool.began(backend);
    this.#send(backend);
  }

  #send(backend: Backend): void {
    const { config } = this.#route;
    const { outgoing, body, request } = this.#exchange;
    const hop = this.#hop;
    const hasBody = hop === undefined ? body.framing.kind !== 'none' : hop.hasBody;
    this.#tryStartedAtMs = performance.now();
    this.#call = this.#deps.backendClient.send(
      backend.origin,
      {
        method: hop?.method ?? outgoing.method,
        target: hop?.target ?? this.#target,
        authority: backend.authority,
        fields: hop?.fields ?? outgoing.fields,
        body: hasBody ? body : undefined,
        maxBodyBytes: config.maxBodyBytes,
        upgrade: config.webSocket && request.handshake === 'websocket',
        requestId: this.#exchange.requestId,
      },
      this,
    );
  }

  /** Instances of a service come back with a restart; a configured host is simply broken, an unknown name nobody's. */
  #waitForInstance(): void {
    if (this.#patienceMs <= 0 || !this.#forwarding.side.pool.isHopeful) {
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

  head(head: ResponseHead): void {
    const { config, jar } = this.#route;
    const isFailure = isFailureStatus(head.status);
    this.#status = head.status;
    jar?.take(head.fields, this.#hop?.target ?? this.#target, this.#deps.nowMs());
    if (config.handler.followsRedirects && this.#follow(head)) return;
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
    const backend = this.#hop?.backend ?? this.#backend;
    if (backend === undefined) return; // nobody answers who was not asked
    this.#forwarding.tap?.head({ ...head, fields: copyFields(head.fields) }, backend);
    const shaped = this.#shape(head, downstreamBaseUrl(backend.origin));
    if (shaped !== undefined) this.#exchange.answer.start(shaped);
  }

  /** The response leads elsewhere, and the gateway goes there in the client's place. */
  #follow(head: ResponseHead): boolean {
    const { outgoing, body, request } = this.#exchange;
    if (this.#backend === undefined || this.#hops >= MAX_REDIRECTS || request.handshake !== 'none')
      return false;
    const from = this.#hop ?? {
      backend: this.#backend,
      method: outgoing.method,
      target: this.#target,
      fields: outgoing.fields,
      hasBody: body.framing.kind !== 'none',
    };
    const hop = followRedirect(head, from);
    if (hop === undefined) return false;
    this.#call?.abort();
    this.#tryEnded('answered', undefined, false);
    this.#hop = hop;
    this.#hops += 1;
    this.#send(hop.backend);
    return true;
  }

  /** What the client sees. Code of the user's own takes part: when it throws the client gets an error, and the back end is let go. */
  #shape(head: ResponseHead, baseUrl: string): ResponseHead | undefined {
    try {
      return this.#route.shapeResponse(this.#exchange, head, baseUrl);
    } catch (error) {
      this.#fault(error);
      return undefined;
    }
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

  switched(head: ResponseHead, backend: Duplex, early: Buffer): void {
    this.#deadline?.cancel();
    this.#status = head.status;
    this.#report('answered');
    const shaped = this.#shape(head, '');
    if (shaped === undefined) {
      backend.on('error', () => undefined).destroy();
      return;
    }
    const client = this.#exchange.answer.switchProtocols(shaped);
    this.#exchange.onGone = undefined; // from here on the tunnel tells
    tunnel(client, backend, early, {
      timers: this.#deps.timers,
      idleMs: this.#route.config.webSocketIdleMs,
      onIdle: () => this.#deps.onIdleWebSocket(this.#exchange),
      onClose: () => {
        this.#tryEnded('answered', undefined, false);
        this.#over(undefined);
      },
    });
  }

  error(failure: BackendFailure): void {
    if (this.#isOver) return;
    const { answer, body } = this.#exchange;
    if (failure.reason === 'request-body')
      this.#fail(
        'abandoned',
        failure,
        failure.refusal ?? (body.state === 'broken' ? CLIENT_GONE : BAD_GATEWAY),
      );
    else if (answer.state !== 'open') this.#fail('failed', failure, BAD_GATEWAY);
    else if (this.#hop !== undefined) this.#giveUp(failure.progress, failure, BAD_GATEWAY);
    else if (failure.progress === 'not-sent') this.#repeat('not-connected', failure);
    else if (failure.progress === 'unanswered' && this.#mayRepeat()) this.#repeat('failed', failure);
    else this.#giveUp(failure.progress, failure, BAD_GATEWAY);
  }

  // How it goes on, or ends

  #mayRepeat(): boolean {
    const { outgoing, body } = this.#exchange;
    if (this.#hop !== undefined || this.#retriesLeft <= 0 || !IDEMPOTENT.has(outgoing.method)) return false;
    if (body.framing.kind !== 'none') return false;
    return this.#route.retryBudget.spend(performance.now());
  }

  #repeat(outcome: CallOutcome, failure: BackendFailure | undefined): void {
    this.#tryEnded(outcome, failure, true);
    this.#tried ??= { refused: new Set(), avoid: new Set() };
    if (outcome === 'not-connected') this.#tried.refused.add(this.#backend?.id ?? '');
    else {
      this.#retriesLeft -= 1;
      this.#tried.avoid.add(this.#backend?.id ?? '');
    }
    this.#next();
  }

  #tryEnded(outcome: CallOutcome, failure: BackendFailure | undefined, willRetry: boolean): void {
    if (this.#call === undefined || this.#backend === undefined) return;
    this.#call = undefined;
    const durationMs = performance.now() - this.#tryStartedAtMs;
    // Of an instance that sent the request elsewhere it is known already that it answers.
    if (this.#hop === undefined) this.#forwarding.side.pool.ended(this.#backend, outcome, durationMs);
    const status = failure === undefined && this.#status > 0 ? this.#status : undefined;
    this.#deps.onTry(this.#exchange, this.#backend, { outcome, status, failure, willRetry, durationMs });
  }

  #giveUp(progress: BackendFailure['progress'], failure: BackendFailure | undefined, refusal: Refusal): void {
    this.#fail('failed', failure, this.#forwarding.fallback?.accepts(progress) ? 'fallback' : refusal);
  }

  /** Ends the exchange with the back end, whatever its state. A client that has a part of a response is cut. */
  #fail(outcome: CallOutcome, failure: BackendFailure | undefined, refusal: Refusal | 'fallback'): void {
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

  /** Something threw that must not. Whoever asks for it did not fail, and nothing is said about the back end. */
  #fault(error: unknown): void {
    this.#deps.onFault(this.#exchange, error, (refusal) =>
      this.#fail('abandoned', undefined, refusal ?? BAD_GATEWAY),
    );
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

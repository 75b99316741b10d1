import type { Duplex } from 'node:stream';
import { childOf, formatTraceparent, type TraceContext } from '@flotilla/telemetry';
import type { Backend, CallOutcome } from '../backends/backends.ts';
import type { Exchange } from '../exchange.ts';
import type { RouteConfig } from '../model.ts';
import { downstreamBaseUrl } from '../policies/header-transforms/header-transforms.ts';
import type { BackendCall, BackendFailure, ResponseSink } from '../wire/backend/backend-call.ts';
import { copyFields, type Fields } from '../wire/rules/fields.ts';
import type { ResponseHead } from '../wire/rules/response.ts';
import type { ForwardDeps, Forwarding } from './forwarding.ts';
import type { Hop } from './redirects.ts';
import type { RouteRuntime } from './route-runtime.ts';
import { tunnel } from './tunnel.ts';

/** What an attempt needs of the request it belongs to. */
export interface AttemptOwner {
  readonly exchange: Exchange;
  readonly route: RouteRuntime;
  readonly forwarding: Forwarding;
  readonly deps: ForwardDeps;
  /** Path and query for the back end. */
  readonly target: string;
  /** Is this head for the client? `false` = something else is done with the request. */
  accepts(attempt: Attempt, head: ResponseHead): boolean;
  /** The head goes to the client: from now on nothing can be tried again. */
  responded(outcome: CallOutcome): void;
  failed(attempt: Attempt, failure: BackendFailure): void;
  /** Something threw that must not. */
  fault(error: unknown): void;
  /** The client has all of the response. */
  completed(): void;
}

/** One try: a request on its way to one instance, and the response on its way to the client. */
export class Attempt implements ResponseSink {
  /** The instance that was chosen. */
  readonly backend: Backend;
  /** Where a redirect led from there. */
  readonly hop: Hop | undefined;
  readonly #owner: AttemptOwner;
  readonly #startedAtMs: number;
  readonly #trace: TraceContext;
  /** `undefined` = not sent yet, or over. */
  #call: BackendCall | undefined;
  #status: number = 0;

  constructor(owner: AttemptOwner, backend: Backend, hop: Hop | undefined) {
    this.#owner = owner;
    this.backend = backend;
    this.hop = hop;
    this.#startedAtMs = performance.now();
    this.#trace = childOf(owner.exchange.trace);
  }

  send(): void {
    const { exchange, route, deps, target } = this.#owner;
    const { outgoing, body, request, requestId } = exchange;
    const { hop } = this;
    const to = hop?.backend ?? this.backend;
    const fields = hop?.fields ?? outgoing.fields;
    continueTrace(exchange, fields, this.#trace);
    const hasBody = hop === undefined ? body.framing.kind !== 'none' : hop.hasBody;
    this.#call = deps.backendClient.send(
      to.origin,
      {
        method: hop?.method ?? outgoing.method,
        target: hop?.target ?? target,
        authority:
          hop === undefined ? hostFor(to.authority, route.config.hostField, request.host) : to.authority,
        fields,
        body: hasBody ? body : undefined,
        maxBodyBytes: route.config.maxBodyBytes,
        silenceMs: route.config.silenceMs,
        upgrade:
          request.handshake === 'websocket' &&
          route.config.allowsWebSocket &&
          route.config.downstreamProtocol !== '2',
        requestId,
      },
      this,
    );
  }

  abort(): void {
    this.#call?.abort();
  }

  /** What came of it, for the pool and for measurements. Counts once. */
  ended(outcome: CallOutcome, failure: BackendFailure | undefined, willRetry: boolean): void {
    if (this.#call === undefined) return;
    this.#call = undefined;
    const { exchange, forwarding, deps } = this.#owner;
    const durationMs = performance.now() - this.#startedAtMs;
    // Of an instance that sent the request elsewhere it is known already that it answers.
    if (this.hop === undefined) forwarding.side.pool.ended(this.backend, outcome, durationMs);
    const status = failure === undefined && this.#status > 0 ? this.#status : undefined;
    deps.onTry(exchange, this.backend, {
      ...{ outcome, status, failure, willRetry, durationMs, trace: this.#trace },
    });
  }

  // What the back end says

  head(head: ResponseHead): void {
    const { exchange, route, forwarding, deps, target } = this.#owner;
    this.#status = head.status;
    route.jar?.take(head.fields, this.hop?.target ?? target, deps.nowMs());
    if (!this.#owner.accepts(this, head)) return;
    this.#owner.responded(outcomeOf(head.status));
    const from = this.hop?.backend ?? this.backend;
    forwarding.sink.tap?.head({ ...head, fields: copyFields(head.fields) }, from);
    const shaped = this.#shape(head, downstreamBaseUrl(from.origin));
    if (shaped !== undefined) exchange.answer.start(shaped);
  }

  /** What the client sees. User code takes part: when it throws, the client gets an error and the call to the back end is aborted. */
  #shape(head: ResponseHead, baseUrl: string): ResponseHead | undefined {
    try {
      return this.#owner.route.shapeResponse(this.#owner.exchange, head, baseUrl);
    } catch (error) {
      this.#owner.fault(error);
      return undefined;
    }
  }

  data(chunk: Buffer): void {
    const { exchange, forwarding } = this.#owner;
    forwarding.sink.tap?.data(chunk);
    const { answer } = exchange;
    if (answer.write(chunk)) return;
    this.#call?.pause();
    answer.onDrain = () => {
      answer.onDrain = undefined;
      this.#call?.resume();
    };
  }

  end(trailers: Fields | undefined): void {
    const { exchange, forwarding } = this.#owner;
    this.ended(outcomeOf(this.#status), undefined, false);
    forwarding.sink.tap?.end('complete');
    exchange.answer.end(trailers);
    this.#owner.completed();
  }

  switched(head: ResponseHead, backend: Duplex, early: Buffer): void {
    const { exchange, route, deps } = this.#owner;
    this.#status = head.status;
    this.#owner.responded('answered');
    const shaped = this.#shape(head, '');
    if (shaped === undefined) {
      backend.on('error', () => undefined).destroy();
      return;
    }
    const client = exchange.answer.switchProtocols(shaped);
    exchange.onGone = undefined; // from here on the tunnel tells
    tunnel(client, backend, early, {
      timers: deps.timers,
      idleMs: route.config.webSocketIdleMs,
      onIdle: () => deps.onIdleWebSocket(exchange),
      onClose: () => {
        this.ended('answered', undefined, false);
        this.#owner.completed();
      },
    });
  }

  error(failure: BackendFailure): void {
    this.#owner.failed(this, failure);
  }
}

/** What the back end does is a part of this try, not of the one before it. What a policy of the route wrote in that place stays. */
function continueTrace(exchange: Exchange, { values }: Fields, trace: TraceContext): void {
  const at = exchange.traceparent === undefined ? -1 : values.lastIndexOf(exchange.traceparent);
  if (at === -1) return;
  exchange.traceparent = formatTraceparent(trace);
  values[at] = exchange.traceparent;
}

function hostFor(own: string, wanted: RouteConfig['hostField'], clients: string): string {
  if (wanted === undefined) return own;
  return wanted === 'client' ? clients : wanted.name;
}

export function outcomeOf(status: number): 'failed' | 'answered' {
  return status >= 500 && status <= 508 ? 'failed' : 'answered';
}

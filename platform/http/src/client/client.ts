import { ON_BEHALF_OF } from '@flotilla/auth';
import type { Balancer } from '@flotilla/discovery';
import { isPlatformError } from '@flotilla/kernel';
import {
  type Attempt,
  createEdges,
  DRAINING_FIELD,
  type EdgeOptions,
  type Edges,
  judgePlatformError,
  sufferFault,
  type Verdict,
} from '@flotilla/resilience';
import { type Logger, type Metrics, routeLabel } from '@flotilla/telemetry';
import type { CallInput, CallReply, Route } from '../contract/route.ts';
import { httpError } from '../errors.ts';
import { createCallObserver, hopFields } from './call.ts';
import { type AnyInput, headersOf, pathOf, readResponse } from './call-message.ts';
import { faultForms } from './fault-forms.ts';
import { createTransport, type WireRequest } from './transport.ts';

export interface HttpClientOptions {
  /** The discovery name of the service that is called. */
  readonly service: string;
  /** Chooses an instance: `pick` of a round robin. */
  readonly pick: Balancer['pick'];
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Sent to routes that are not public, unless a call brings its own. */
  readonly token?: string | (() => Promise<string> | string);
  /**
   * Gives a user's token for this service alone, which `onBehalfOf` then sends in place of both tokens: it says who the user is and who
   * calls. Default: the user's token is passed on.
   */
  readonly exchange?: ((userToken: string) => Promise<string>) | undefined;
  /** Longest a call may take, retries included; the current request's deadline may shorten it. Default 5,000 ms. */
  readonly timeoutMs?: number;
  /** Connections per instance; further calls wait for one. Default 64. */
  readonly maxConnections?: number;
  /**
   * What is configured and known about the calls of this service, shared by all its clients. Default: the defaults, for this
   * client alone.
   */
  readonly edges?: Edges;
  /** Instead of the defaults of `policy` in `@flotilla/resilience`; what the system's configuration says goes before. */
  readonly policy?: Omit<EdgeOptions, 'deadlineMs' | 'judge' | 'errors'>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Longest this call may take. Default: the client's. */
  readonly timeoutMs?: number;
  /** The request may be repeated although it may have been carried out. Default: the route's `idempotent`. */
  readonly idempotent?: boolean;
}

export interface CallTokens {
  /** Instead of the client's. */
  readonly token?: string;
  /** The token of the user in whose name this service calls: sent beside its own, or exchanged. */
  readonly onBehalfOf?: string;
}

export interface HttpClient {
  /**
   * Calls a route and returns any of its declared responses. Throws the errors of `HttpErrorCode`, and of
   * `ResilienceErrorCode` when nothing was sent. Instances that cannot be reached are skipped; a request that may have been
   * carried out is repeated, twice at most and within the retry budget, only when it is a GET or idempotent.
   */
  call<R extends Route>(
    route: R,
    input: CallInput<R> & CallTokens,
    options?: CallOptions,
  ): Promise<CallReply<R>>;
  /** Waits for running calls, then closes all connections. */
  close(): Promise<void>;
}

type Input = AnyInput & CallTokens;

/** A typed client of one service. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { service, pick, logger, metrics } = options;
  const observed = createCallObserver(service, metrics);
  const transport = createTransport({ maxConnections: options.maxConnections ?? 64 });
  const edges = options.edges ?? createEdges({ caller: 'client', logger, metrics });
  const edge = edges.to(service, {
    hedge: {},
    ...options.policy,
    deadlineMs: options.timeoutMs ?? 5_000,
    judge,
    errors: errorsOf(service),
  });

  async function tryOnce(route: Route, input: Input, attempt: Attempt): Promise<Reply> {
    const tokens = await tokensFor(route, input, options);
    const endpoint = await edge.choose(attempt, (exclude) => pick(service, { exclude }));
    return await edge.at(endpoint, attempt, async () => {
      const request = requestOf(route, input, tokens, attempt);
      const send = () => transport.send(`http://${endpoint.host}:${endpoint.port}`, request, attempt);
      const fault = edge.injected();
      const response = await (fault === undefined
        ? send()
        : sufferFault(
            fault,
            attempt,
            faultForms(send, (one) => one),
          ));
      const { status, headers } = response;
      if (headers[DRAINING_FIELD] !== undefined) edge.drained(endpoint.id);
      return { status, headers, body: readResponse(route, service, response) };
    });
  }

  return {
    call: async <R extends Route>(
      route: R,
      input: CallInput<R> & CallTokens,
      { signal, timeoutMs, idempotent = route.idempotent ?? false }: CallOptions = {},
    ): Promise<CallReply<R>> => {
      const repeatable = idempotent || route.method === 'GET';
      const reply = await observed({ method: route.method, route: routeLabel(route.path) }, () =>
        edge.policy((attempt) => tryOnce(route, input, attempt), {
          repeatable,
          signal,
          deadlineMs: timeoutMs,
        }),
      );
      // `readResponse` let only declared statuses through; their bodies are trusted to follow the contract.
      return reply as CallReply<R>;
    },
    close: () => transport.close(),
  };
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export function errorsOf(service: string): NonNullable<EdgeOptions['errors']> {
  const details = { service };
  return {
    deadline: () =>
      httpError('HTTP_TIMEOUT', `${service} did not answer in time`, { retryable: true, details }),
    cancelled: (cause) => httpError('HTTP_ABORTED', 'the caller gave up', { cause, details }),
  };
}

const TOO_LATE: Verdict = { says: 'failed', repeat: 'never' };

/** After 504 the time of this call is over as well. */
export function judge(error: unknown): Verdict {
  const verdict = judgePlatformError(error);
  const isTimeout = isPlatformError(error) && error.code === 'HTTP_TIMEOUT' && verdict.says === 'failed';
  return isTimeout ? TOO_LATE : verdict;
}

function requestOf(
  route: Route,
  input: Input,
  { token, onBehalfOf }: CallTokens,
  attempt: Attempt,
): WireRequest {
  const { body } = input;
  return {
    method: route.method,
    path: pathOf(route, input),
    headers: {
      ...headersOf(input),
      ...hopFields(attempt),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(onBehalfOf !== undefined && { [ON_BEHALF_OF]: onBehalfOf }),
    },
    ...(body !== undefined && { body: body instanceof URLSearchParams ? `${body}` : JSON.stringify(body) }),
  };
}

async function tokensFor(
  route: Route,
  { token: brought, onBehalfOf }: Input,
  { token: own, exchange }: HttpClientOptions,
): Promise<CallTokens> {
  if (route.access === 'public') return {};
  if (exchange !== undefined && onBehalfOf !== undefined) return { token: await exchange(onBehalfOf) };
  const token = brought ?? (typeof own === 'function' ? await own() : own);
  if (token === undefined) return {};
  return { token, ...(onBehalfOf !== undefined && { onBehalfOf }) };
}

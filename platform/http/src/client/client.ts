import { ON_BEHALF_OF } from '@flotilla/auth';
import type { Balancer, Endpoint } from '@flotilla/discovery';
import { type Clock, isPlatformError, systemClock } from '@flotilla/kernel';
import {
  currentContext,
  formatTraceparent,
  httpClientDuration,
  type Logger,
  type Metrics,
  remainingMs,
  withSpan,
} from '@flotilla/telemetry';
import type { CallInput, CallReply, Route } from '../contract/route.ts';
import { type AnyInput, headersOf, pathOf, readAnswer } from './call-message.ts';
import { type CallScope, openCallScope } from './call-scope.ts';
import { retryDelayMs } from './retry-policy.ts';
import { createTransport } from './transport.ts';

export interface HttpClientOptions {
  /** The discovery name of the service that is called. */
  readonly service: string;
  /** Chooses an instance: `pick` of a round robin. */
  readonly pick: Balancer['pick'];
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Sent to routes that are not public, unless a call brings its own. */
  readonly token?: string | (() => Promise<string> | string);
  /** Longest a call may take, retries included; the current request's deadline may shorten it. Default 5,000 ms. */
  readonly timeoutMs?: number;
  /** Connections per instance; further calls wait for one. Default 64. */
  readonly maxConnections?: number;
  readonly clock?: Clock;
  /** 0 ≤ random < 1, for jitter. */
  readonly random?: () => number;
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
  /** The token of the user in whose name this service calls, sent beside its own. */
  readonly onBehalfOf?: string;
}

export interface HttpClient {
  /**
   * Calls a route and returns any of its declared answers. Throws the errors of `HttpErrorCode`. Instances that
   * cannot be reached are skipped; a request that may have been carried out is repeated, twice at most, only
   * when it is a GET or idempotent.
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
  const { service, pick, logger, clock = systemClock, random = Math.random } = options;
  const durations = httpClientDuration(options.metrics);
  const transport = createTransport({ maxConnections: options.maxConnections ?? 64 });

  async function attempt(
    route: Route,
    input: Input,
    scope: CallScope,
    failed: Set<string>,
  ): Promise<{ status: number; headers: Readonly<Record<string, string>>; body: unknown }> {
    const token = await scope.race(tokenFor(route, input, options));
    const endpoint = await scope.race(choose(failed));
    const { trace, correlationId } = currentContext() ?? {};
    try {
      const response = await transport.send(
        `http://${endpoint.host}:${endpoint.port}`,
        {
          method: route.method,
          path: pathOf(route, input),
          headers: {
            ...headersOf(input),
            ...(trace && { traceparent: formatTraceparent(trace) }),
            ...(correlationId !== undefined && { 'x-correlation-id': correlationId }),
            'x-request-deadline': String(Math.max(1, Math.floor(scope.remainingMs()))),
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
            ...(token !== undefined &&
              input.onBehalfOf !== undefined && { [ON_BEHALF_OF]: input.onBehalfOf }),
          },
          ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
        },
        scope.signal,
      );
      const { status, headers } = response;
      return { status, headers, body: readAnswer(route, service, response) };
    } catch (error) {
      failed.add(endpoint.id);
      throw error;
    }
  }

  /** Another instance than those that failed; when all did, any: one may be back. */
  async function choose(failed: Set<string>): Promise<Endpoint> {
    try {
      return await pick(service, { exclude: failed });
    } catch (error) {
      if (failed.size === 0 || !isPlatformError(error) || error.code !== 'DISCOVERY_NO_ENDPOINT') throw error;
      failed.clear();
      return await pick(service);
    }
  }

  async function callWithRetries(route: Route, input: Input, scope: CallScope, repeatable: boolean) {
    const failed = new Set<string>();
    for (let number = 1; ; number += 1) {
      try {
        return await attempt(route, input, scope, failed);
      } catch (error) {
        const delayMs = retryDelayMs({
          error,
          attempt: number,
          repeatable,
          remainingMs: scope.remainingMs(),
          random: random(),
        });
        if (delayMs === undefined) throw error;
        const code = isPlatformError(error) ? error.code : undefined;
        logger.debug({ service, route: route.path, attempt: number, code }, 'a call is tried again');
        await scope.race(clock.sleep(delayMs, scope.signal));
      }
    }
  }

  return {
    call: async <R extends Route>(
      route: R,
      input: CallInput<R> & CallTokens,
      {
        signal,
        timeoutMs = options.timeoutMs ?? 5_000,
        idempotent = route.idempotent ?? false,
      }: CallOptions = {},
    ): Promise<CallReply<R>> => {
      const start = performance.now();
      const allowedMs = Math.min(timeoutMs, remainingMs() ?? Number.POSITIVE_INFINITY);
      const scope = openCallScope({ service, allowedMs, signal });
      const observe = (status: string, errorType: string) =>
        durations.observe((performance.now() - start) / 1000, {
          server_service: service,
          http_request_method: route.method,
          http_route: route.path,
          http_response_status_code: status,
          error_type: errorType,
        });
      try {
        const reply = await withSpan(`${route.method} ${route.path}`, { 'server.service': service }, () =>
          callWithRetries(route, input, scope, idempotent || route.method === 'GET'),
        );
        observe(String(reply.status), '');
        // `readAnswer` let only declared statuses through; their bodies are trusted to follow the contract.
        return reply as CallReply<R>;
      } catch (error) {
        const details = isPlatformError(error) ? error.details : {};
        observe(String(details['status'] ?? ''), isPlatformError(error) ? error.code : 'unknown');
        throw error;
      } finally {
        scope.close();
      }
    },
    close: () => transport.close(),
  };
}

async function tokenFor(
  route: Route,
  input: Input,
  { token }: HttpClientOptions,
): Promise<string | undefined> {
  if (route.access === 'public') return undefined;
  if (input.token !== undefined) return input.token;
  return typeof token === 'function' ? await token() : token;
}

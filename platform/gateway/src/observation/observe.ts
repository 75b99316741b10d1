import {
  childOf,
  HTTP_BUCKETS_SECONDS,
  httpServerDuration,
  type Logger,
  type Metrics,
  type RecordSpan,
} from '@flotilla/telemetry';
import type { Backend } from '../backends/backends.ts';
import type { Exchange } from '../exchange.ts';
import type { CacheResult, TryOutcome } from '../pipeline/forwarding.ts';
import type { Refusal } from '../wire/rules/refusal.ts';

export type AccessLogLevel = 'all' | 'sampled' | 'off';

export interface TelemetryOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly recordSpan: RecordSpan | undefined;
  /**
   * `sampled`: every failure of the gateway or a back end (status 500 and above), everything slower than a second, and one in a
   * hundred of the rest.
   */
  readonly accessLog: AccessLogLevel;
}

/** What the gateway tells of its work. */
export interface GatewayTelemetry {
  /** The client has its response, or is gone. */
  ended(exchange: Exchange): void;
  tried(exchange: Exchange, backend: Backend, outcome: TryOutcome): void;
  /** Bytes that were no request. */
  refused(refusal: Refusal, peerAddress: string): void;
  /** A connection that was closed unread, and whom it counted for. */
  turnedAway(reason: string, owner: string): void;
  cache(route: string, result: CacheResult): void;
  /** Closed because nothing came from either side. */
  idleWebSocket(route: string): void;
}

const SAMPLE = 100;
const SLOW_MS = 1_000;
/** A client that went away before a response; for measurements only. */
const CLIENT_GONE = 499;

export function createGatewayTelemetry({
  logger,
  metrics,
  recordSpan,
  accessLog,
}: TelemetryOptions): GatewayTelemetry {
  const duration = httpServerDuration(metrics);
  const tries = metrics.histogram(
    'gateway_upstream_duration_seconds',
    'Tries to get an answer from an instance, by how they ended.',
    HTTP_BUCKETS_SECONDS,
    ['http_route', 'instance', 'outcome'],
  );
  const retries = metrics.counter('gateway_retries_total', 'Tries that were repeated.', [
    'http_route',
    'why',
  ]);
  const refusals = metrics.counter(
    'gateway_refused_connections_total',
    'Connections that were closed unread, and bytes that were no request.',
    ['code'],
  );
  const cacheResults = metrics.counter('gateway_cache_requests_total', 'Requests on cached routes.', [
    'http_route',
    'result',
  ]);
  const idleWebSockets = metrics.counter(
    'gateway_idle_websockets_total',
    'WebSockets closed because nothing came from either side.',
    ['http_route'],
  );
  // Resolving the labels of a series costs more than observing it: both are kept for what comes again and again.
  const byRoute = createSeries((route: string, method: string, status: string) =>
    duration.bind({ http_request_method: method, http_route: route, http_response_status_code: status }),
  );
  const byInstance = createSeries((route: string, instance: string, outcome: string) =>
    tries.bind({ http_route: route, instance, outcome }),
  );
  let count = 0;

  return {
    ended: (exchange) => {
      const { answer, request, route } = exchange;
      const durationMs = performance.now() - exchange.startedAtMs;
      const status = answer.status === 0 ? CLIENT_GONE : told(exchange);
      byRoute(route, request.method, String(status)).observe(durationMs / 1000);
      recordSpan?.({
        name: `${request.method} ${route || 'unknown route'}`,
        trace: exchange.trace,
        ...(exchange.callerSpanId !== undefined && { parentSpanId: exchange.callerSpanId }),
        startedAt: new Date(Date.now() - durationMs),
        durationMs,
        attributes: { 'http.response.status_code': status, 'http.route': route },
        ...(status >= 500 && { error: exchange.refusal?.code ?? String(status) }),
      });
      if (accessLog === 'off') return;
      count += 1;
      if (accessLog === 'sampled' && status < 500 && durationMs < SLOW_MS && count % SAMPLE !== 0) return;
      logger.info(accessLine(exchange, status, durationMs), 'request');
    },
    tried: ({ route, trace }, backend, { outcome, status, failure, willRetry, durationMs }) => {
      byInstance(route, backend.id, outcome).observe(durationMs / 1000);
      recordSpan?.({
        name: `ask ${backend.id}`,
        trace: childOf(trace),
        parentSpanId: trace.spanId,
        startedAt: new Date(Date.now() - durationMs),
        durationMs,
        attributes: {
          'http.route': route,
          'server.address': backend.authority,
          outcome,
          ...(status !== undefined && { 'http.response.status_code': status }),
        },
        ...(failure !== undefined && { error: failure.reason }),
      });
      if (willRetry) retries.inc({ http_route: route, why: failure?.reason ?? 'status' });
      if (failure !== undefined && outcome !== 'abandoned')
        logger.warn(
          { route, instance: backend.id, reason: failure.reason, willRetry, err: failure.cause },
          'the back end gave no usable answer',
        );
    },
    refused: ({ code, status }, peerAddress) => {
      refusals.inc({ code });
      logger.debug({ code, status, peer: peerAddress }, 'not a request');
    },
    turnedAway: (code, owner) => {
      refusals.inc({ code });
      logger.debug({ code, owner }, 'a connection was turned away');
    },
    cache: (route, result) => cacheResults.inc({ http_route: route, result }),
    idleWebSocket: (route) => idleWebSockets.inc({ http_route: route }),
  };
}

/** A refusal that gRPC tells in a field of a 200 is one all the same. */
function told({ answer, refusal }: Exchange): number {
  return answer.status === 200 ? (refusal?.status ?? 200) : answer.status;
}

/** Without query and fields: they hold what people type, and tokens. */
function accessLine(exchange: Exchange, status: number, durationMs: number): object {
  const { request, answer, route, backend, refusal, trace } = exchange;
  return {
    method: request.method,
    path: request.target.path,
    route,
    status,
    code: refusal?.code,
    instance: backend,
    duration_ms: Math.round(durationMs * 10) / 10,
    bytes: answer.bytesSent,
    client: exchange.clientAddress,
    trace_id: trace.traceId,
    span_id: trace.spanId,
  };
}

interface Observed {
  observe(value: number): void;
}

const MAX_SERIES = 10_000;

function createSeries(
  make: (a: string, b: string, c: string) => Observed,
): (a: string, b: string, c: string) => Observed {
  const known = new Map<string, Map<string, Map<string, Observed>>>();
  let size = 0;
  return (a, b, c) => {
    const found = known.get(a)?.get(b)?.get(c);
    if (found !== undefined) return found;
    const made = make(a, b, c);
    if (size >= MAX_SERIES) return made;
    size += 1;
    const second = known.get(a) ?? new Map<string, Map<string, Observed>>();
    known.set(a, second);
    const third = second.get(b) ?? new Map<string, Observed>();
    second.set(b, third);
    third.set(c, made);
    return made;
  };
}

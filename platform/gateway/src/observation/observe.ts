import {
  epochMs,
  type Logger,
  type Metrics,
  methodLabel,
  type RecordSpan,
  UNMATCHED_ROUTE,
} from '@flotilla/telemetry';
import type { Backend } from '../backends/backends.ts';
import type { Exchange } from '../exchange.ts';
import type { CacheResult, TryOutcome } from '../pipeline/forwarding.ts';
import { CLIENT_GONE, type Refusal } from '../wire/rules/refusal.ts';
import { createGatewayMetrics } from './gateway-metrics.ts';

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

export function createGatewayTelemetry({
  logger,
  metrics,
  recordSpan,
  accessLog,
}: TelemetryOptions): GatewayTelemetry {
  const measured = createGatewayMetrics(metrics);
  let count = 0;

  return {
    ended: (exchange) => {
      const { answer, request, route } = exchange;
      const durationMs = performance.now() - exchange.startedAtMs;
      const status = answer.status === 0 ? CLIENT_GONE.status : told(exchange);
      measured.served(
        route || UNMATCHED_ROUTE,
        request.method,
        String(status),
        durationMs / 1000,
        exchange.trace,
      );
      recordSpan?.({
        name: `${methodLabel(request.method)} ${route || UNMATCHED_ROUTE}`,
        kind: 'server',
        trace: exchange.trace,
        ...(exchange.callerSpanId !== undefined && { parentSpanId: exchange.callerSpanId }),
        startedAtMs: epochMs(exchange.startedAtMs),
        durationMs,
        attributes: {
          'http.request.method': methodLabel(request.method),
          'http.route': route || UNMATCHED_ROUTE,
          'url.path': request.target.path,
          'http.response.status_code': status,
        },
        ...(status >= 500 && { error: exchange.refusal?.code ?? String(status) }),
      });
      if (accessLog === 'off') return;
      count += 1;
      if (accessLog === 'sampled' && status < 500 && durationMs < SLOW_MS && count % SAMPLE !== 0) return;
      logger.info(accessLine(exchange, status, durationMs), 'request');
    },
    tried: ({ route, trace: whole, request }, backend, tried) => {
      const { outcome, status, failure, willRetry, durationMs, trace } = tried;
      measured.tried(route, backend.id, outcome, durationMs / 1000);
      recordSpan?.({
        name: `${methodLabel(request.method)} ${route}`,
        kind: 'client',
        trace,
        parentSpanId: whole.spanId,
        startedAtMs: epochMs() - durationMs,
        durationMs,
        attributes: {
          'http.request.method': methodLabel(request.method),
          'http.route': route,
          'server.address': backend.authority,
          'gateway.instance': backend.id,
          'gateway.outcome': outcome,
          'http.response.status_code': status,
        },
        ...(failure !== undefined && { error: failure.reason }),
      });
      if (willRetry) measured.retried(route, failure?.reason ?? 'status');
      if (failure !== undefined && outcome !== 'abandoned')
        logger.warn(
          { route, instance: backend.id, reason: failure.reason, willRetry, err: failure.cause },
          'the back end gave no usable answer',
        );
    },
    refused: ({ code, status }, peerAddress) => {
      measured.refused(code);
      logger.debug({ code, status, peer: peerAddress }, 'not a request');
    },
    turnedAway: (code, owner) => {
      measured.refused(code);
      logger.debug({ code, owner }, 'a connection was turned away');
    },
    cache: (route, result) => measured.cached(route, result),
    idleWebSocket: (route) => measured.idleWebSocket(route),
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

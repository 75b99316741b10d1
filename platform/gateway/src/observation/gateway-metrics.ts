import {
  HTTP_BUCKETS_SECONDS,
  httpServerDuration,
  type Metrics,
  methodLabel,
  type Origin,
} from '@flotilla/telemetry';
import type { BackendFailure } from '../wire/backend/backend-call.ts';

/** What the gateway counts and times. */
export interface GatewayMetrics {
  served(route: string, method: string, status: string, seconds: number, origin: Origin): void;
  tried(route: string, instance: string, outcome: string, seconds: number): void;
  retried(route: string, why: RetryReason): void;
  refused(code: string): void;
  cached(route: string, result: string): void;
  idleWebSocket(route: string): void;
}

type RetryReason = BackendFailure['reason'] | 'status';

/** Shown as 0 from the first request of a route on; the others are rare. */
const USUAL_REASONS: readonly RetryReason[] = ['refused', 'connect-timeout', 'closed', 'reset', 'status'];

export function createGatewayMetrics(metrics: Metrics): GatewayMetrics {
  const duration = httpServerDuration(metrics);
  const tries = metrics.histogram(
    'gateway_upstream_duration_seconds',
    'Tries to get an answer from an instance, by how they ended.',
    HTTP_BUCKETS_SECONDS,
    ['http_route', 'server_instance', 'outcome'],
  );
  const retries = metrics.counter(
    'gateway_retries_total',
    'Tries that were repeated.',
    ['http_route', 'why'],
    '{attempt}',
  );
  const refusals = metrics.counter(
    'gateway_refused_connections_total',
    'Connections that were closed unread, and bytes that were no request.',
    ['code'],
    '{connection}',
  );
  const cacheResults = metrics.counter(
    'gateway_cache_requests_total',
    'Requests on cached routes.',
    ['http_route', 'result'],
    '{request}',
  );
  const idleWebSockets = metrics.counter(
    'gateway_idle_websockets_total',
    'WebSockets closed because nothing came from either side.',
    ['http_route'],
    '{connection}',
  );
  // Resolving the labels of a series costs more than observing it: both are kept for what comes again and again.
  const byRoute = createSeries((route: string, method: string, status: string) => {
    retries.startAtZero({ http_route: [route], why: USUAL_REASONS });
    return duration.bind({
      http_request_method: methodLabel(method),
      http_route: route,
      http_response_status_code: status,
    });
  });
  const byInstance = createSeries((route: string, instance: string, outcome: string) =>
    tries.bind({ http_route: route, server_instance: instance, outcome }),
  );
  return {
    served: (route, method, status, seconds, origin) =>
      byRoute(route, method, status).observe(seconds, origin),
    tried: (route, instance, outcome, seconds) => byInstance(route, instance, outcome).observe(seconds),
    retried: (route, why) => retries.inc({ http_route: route, why }),
    refused: (code) => refusals.inc({ code }),
    cached: (route, result) => cacheResults.inc({ http_route: route, result }),
    idleWebSocket: (route) => idleWebSockets.inc({ http_route: route }),
  };
}

type Observed = ReturnType<ReturnType<typeof httpServerDuration>['bind']>;

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

import { httpServerDuration, type Metrics } from '@flotilla/telemetry';
import type { Exchange } from './exchange.ts';

export interface GatewayMetrics {
  /** Measures the exchange until its answer is complete or given up. */
  observe(exchange: Exchange): void;
  countRetry(why: string): void;
  countCache(result: string): void;
  countInvalidToken(reason: string): void;
}

/** A client that went away before an answer; for measurements only. */
const CLIENT_GONE = '499';

export function createGatewayMetrics(metrics: Metrics): GatewayMetrics {
  const duration = httpServerDuration(metrics);
  const retries = metrics.counter('gateway_retries_total', 'Tries that were repeated.', ['why']);
  const cache = metrics.counter('gateway_cache_requests_total', 'Requests on cached routes.', ['result']);
  const invalid = metrics.counter('gateway_invalid_tokens_total', 'Access tokens refused.', ['reason']);
  return {
    observe: (exchange) => {
      const startedAt = performance.now();
      const { request, response } = exchange;
      response.once('close', () => {
        const status = response.headersSent ? String(response.statusCode) : CLIENT_GONE;
        duration.observe((performance.now() - startedAt) / 1000, {
          http_request_method: request.method ?? '',
          http_route: exchange.route,
          http_response_status_code: status,
        });
      });
    },
    countRetry: (why) => retries.inc({ why }),
    countCache: (result) => cache.inc({ result }),
    countInvalidToken: (reason) => invalid.inc({ reason }),
  };
}

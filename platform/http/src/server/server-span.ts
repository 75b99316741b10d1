import { epochMs, spanRecorder } from '@flotilla/telemetry';
import type { Exchange } from './exchange.ts';

/** What is known of a request when its response has gone. */
interface Served {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly durationMs: number;
}

/** The span of a request: an error when the fault is ours. The query stays out: it holds what people type. */
export function recordServerSpan(exchange: Exchange, { method, url, status, durationMs }: Served): void {
  const record = spanRecorder(exchange.context);
  if (record === undefined) return;
  const { context, callerSpanId, route, startedAt } = exchange;
  const query = url.indexOf('?');
  record({
    name: `${method} ${route}`,
    kind: 'server',
    trace: context.trace,
    ...(callerSpanId !== undefined && { parentSpanId: callerSpanId }),
    startedAtMs: epochMs(startedAt),
    durationMs,
    attributes: {
      'http.request.method': method,
      'http.route': route,
      'url.path': query < 0 ? url : url.slice(0, query),
      'url.scheme': 'http',
      'http.response.status_code': status,
    },
    ...(status >= 500 && { error: String(status) }),
  });
}

import type { Histogram, Metrics } from './metrics.ts';

/** Upper bounds in seconds, as OpenTelemetry's semantic conventions advise for HTTP. */
export const HTTP_BUCKETS_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** The same for databases. */
const DB_BUCKETS_SECONDS: readonly number[] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** The route of a request that fits none: one label, whatever was asked for. */
export const UNMATCHED_ROUTE = 'unmatched';

/** What the semantic conventions know; parsers let some thirty others through. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'QUERY',
]);

/** The method as a label: `_OTHER` for one that nobody has heard of. */
export function methodLabel(method: string): string {
  return METHODS.has(method) ? method : '_OTHER';
}

/** `/orders/:id` as `/orders/{id}`: one spelling, in services and at the gateway. */
export function routeLabel(template: string): string {
  return template.includes(':') ? template.replace(/:(\w+)/g, '{$1}') : template;
}

// Rate, errors and duration all come from one histogram: its count by status or error, and its buckets.

export function httpServerDuration(metrics: Metrics): Histogram {
  return metrics.histogram(
    'http_server_request_duration_seconds',
    'Duration of HTTP requests served.',
    HTTP_BUCKETS_SECONDS,
    ['http_request_method', 'http_route', 'http_response_status_code'],
  );
}

/** `error_type` is the error code of a call without a response, else empty. */
export function httpClientDuration(metrics: Metrics): Histogram {
  return metrics.histogram(
    'http_client_request_duration_seconds',
    'Duration of outgoing HTTP calls, retries included.',
    HTTP_BUCKETS_SECONDS,
    ['server_service', 'http_request_method', 'http_route', 'http_response_status_code', 'error_type'],
  );
}

export function rpcServerDuration(metrics: Metrics): Histogram {
  return metrics.histogram(
    'rpc_server_call_duration_seconds',
    'Duration of RPC calls served.',
    HTTP_BUCKETS_SECONDS,
    ['rpc_method', 'rpc_response_status_code'],
  );
}

export function rpcClientDuration(metrics: Metrics): Histogram {
  return metrics.histogram(
    'rpc_client_call_duration_seconds',
    'Duration of outgoing RPC calls, retries included.',
    HTTP_BUCKETS_SECONDS,
    ['server_service', 'rpc_method', 'rpc_response_status_code'],
  );
}

/** `error_type` is empty when the message was processed. */
export function messagingProcessDuration(metrics: Metrics): Histogram {
  return metrics.histogram(
    'messaging_process_duration_seconds',
    'Duration of processing one message.',
    HTTP_BUCKETS_SECONDS,
    ['messaging_consumer_group_name', 'messaging_destination_name', 'error_type'],
  );
}

/** `error_type` is the code of a statement that failed, else empty. */
export function dbClientDuration(metrics: Metrics): Histogram {
  return metrics.histogram(
    'db_client_operation_duration_seconds',
    'Duration of statements, as their caller waits for them.',
    DB_BUCKETS_SECONDS,
    ['db_operation_name', 'error_type'],
  );
}

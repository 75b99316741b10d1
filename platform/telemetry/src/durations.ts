import type { Histogram, Metrics } from './metrics.ts';

/** Upper bounds in seconds, as OpenTelemetry's semantic conventions advise for HTTP. */
export const HTTP_BUCKETS_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

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

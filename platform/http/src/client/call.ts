import { isPlatformError, type PlatformError } from '@flotilla/kernel';
import {
  type Attempt,
  PRIORITY_FIELD,
  REFUSED_FIELD,
  RETRY_ATTEMPT_FIELD,
  RETRY_OWNER_FIELD,
  refusalReason,
  retryAfterMs,
} from '@flotilla/resilience';
import {
  currentContext,
  formatTraceparent,
  httpClientDuration,
  type Metrics,
  withSpan,
} from '@flotilla/telemetry';
import { httpError } from '../errors.ts';
import type { WireResponse } from './transport.ts';

/** What every call tells the next service, whoever made it: its trace, what is left of the time, whether it is a repetition. */
export function hopFields(
  attempt: Pick<Attempt, 'number' | 'remainingMs'>,
): Readonly<Record<string, string>> {
  const { trace, correlationId, priority, retryAttempt = 0 } = currentContext() ?? {};
  const repeated = Math.max(retryAttempt, attempt.number - 1);
  return {
    ...(trace && { traceparent: formatTraceparent(trace) }),
    ...(correlationId !== undefined && { 'x-correlation-id': correlationId }),
    'x-request-deadline': String(Math.max(1, Math.floor(attempt.remainingMs()))),
    ...(repeated > 0 && { [RETRY_ATTEMPT_FIELD]: String(repeated) }),
    ...(priority !== undefined && priority !== 'critical' && { [PRIORITY_FIELD]: priority }),
  };
}

/** A response that is a failure, with what it says of refusals, of who repeats, and of when. */
export function failedResponse(
  service: string,
  to: string,
  { status, headers }: Pick<WireResponse, 'status' | 'headers'>,
  more: Readonly<Record<string, unknown>> = {},
): PlatformError {
  const refused = refusalReason(headers[REFUSED_FIELD]);
  const retryOwner = headers[RETRY_OWNER_FIELD];
  const details = {
    ...{ service, status, ...more },
    ...(refused !== undefined && { refused }),
    ...(retryOwner !== undefined && { retryOwner }),
  };
  const message = `${service} answered ${status} to ${to}`;
  if (status === 504) return httpError('HTTP_TIMEOUT', message, { retryable: true, details });
  if (status !== 503 && status !== 429) {
    return httpError('HTTP_UNEXPECTED_STATUS', message, { retryable: status >= 500, details });
  }
  const adviceMs = retryAfterMs(headers['retry-after'], new Date());
  return httpError('HTTP_UNAVAILABLE', message, {
    retryable: true,
    details: { ...details, ...(adviceMs !== undefined && { retryAfterMs: adviceMs }) },
  });
}

export interface CallFacts {
  readonly method: string;
  /** The template of its path. */
  readonly route: string;
}

const CLIENT = { kind: 'client' } as const;

/** Runs calls of one service under a span and in the histogram of calls, retries included. */
export function createCallObserver(service: string, metrics: Metrics) {
  const durations = httpClientDuration(metrics);
  return async <T extends { readonly status: number }>(
    { method, route }: CallFacts,
    ask: () => Promise<T>,
  ): Promise<T> => {
    const start = performance.now();
    const observe = (status: string, errorType: string) =>
      durations.observe((performance.now() - start) / 1000, {
        server_service: service,
        http_request_method: method,
        http_route: route,
        http_response_status_code: status,
        error_type: errorType,
      });
    const facts: Record<string, string | number> = {
      'http.request.method': method,
      'http.route': route,
      'peer.service': service,
    };
    const asked = async () => {
      const reply = await ask();
      facts['http.response.status_code'] = reply.status;
      return reply;
    };
    try {
      const reply = await withSpan(`${method} ${route}`, facts, asked, CLIENT);
      observe(String(reply.status), '');
      return reply;
    } catch (error) {
      const details = isPlatformError(error) ? error.details : {};
      observe(String(details['status'] ?? ''), isPlatformError(error) ? error.code : 'unknown');
      throw error;
    }
  };
}

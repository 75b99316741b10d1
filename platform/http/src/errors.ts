import { isPlatformError, PlatformError, type PlatformErrorOptions } from '@flotilla/kernel';

/**
 * Errors of the client:
 * - `HTTP_UNAVAILABLE` (retryable): no connection, a broken one, or the service answered 503 or 429.
 *   `details.sent` is false when nothing can have reached the service; `details.retryAfterMs` is its advice.
 * - `HTTP_TIMEOUT` (retryable): no response before the deadline. Whether the service acted is unknown.
 * - `HTTP_ABORTED`: the caller's signal was aborted.
 * - `HTTP_UNEXPECTED_STATUS` (retryable from 500): a status that the route does not declare;
 *   `details.status` and, when it was a problem, `details.problem`.
 * - `HTTP_BAD_RESPONSE`: not JSON, or above the size limit.
 *
 * Errors of the host: `HTTP_REQUEST_REFUSED` is a request refused before its handler, `HTTP_DEADLINE_EXCEEDED` one
 * whose deadline passed, `HTTP_CLIENT_GONE` one whose client disconnected, `HTTP_NOT_READY` a failed readiness check.
 */
export type HttpErrorCode =
  | 'HTTP_UNAVAILABLE'
  | 'HTTP_TIMEOUT'
  | 'HTTP_ABORTED'
  | 'HTTP_UNEXPECTED_STATUS'
  | 'HTTP_BAD_RESPONSE'
  | 'HTTP_REQUEST_REFUSED'
  | 'HTTP_DEADLINE_EXCEEDED'
  | 'HTTP_CLIENT_GONE'
  | 'HTTP_NOT_READY';

export type HttpError = PlatformError<HttpErrorCode>;

export function httpError(
  code: HttpErrorCode,
  message: string,
  options: PlatformErrorOptions = {},
): HttpError {
  return new PlatformError(code, message, options);
}

/** A response of another service that its route does not declare, most often a problem. */
export interface UnexpectedStatus {
  readonly status: number;
  /** The problem's code, `''` when the body was no problem. */
  readonly code: string;
  readonly detail?: string;
}

/** Reads a `HTTP_UNEXPECTED_STATUS` error; `undefined` for any other. */
export function unexpectedStatus(error: unknown): UnexpectedStatus | undefined {
  if (!isPlatformError(error) || error.code !== 'HTTP_UNEXPECTED_STATUS') return undefined;
  const { status, problem } = error.details as {
    status: number;
    problem?: { code?: unknown; detail?: unknown };
  };
  return {
    status,
    code: typeof problem?.code === 'string' ? problem.code : '',
    ...(typeof problem?.detail === 'string' && { detail: problem.detail }),
  };
}

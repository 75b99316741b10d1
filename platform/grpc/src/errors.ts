import { PlatformError } from '@flotilla/kernel';
import type { StatusName } from './status.ts';

/**
 * - `GRPC_UNAVAILABLE`: no connection, it broke, or the service cannot answer now. The outcome of a call that was
 *   already sent is unknown. Retryable.
 * - `GRPC_DEADLINE`: no response in time; the outcome is unknown. Retryable.
 * - `GRPC_CANCELLED`: the caller's signal or the server ended the call; the outcome is unknown. Retryable.
 * - `GRPC_REJECTED`: the service refused the request as it is (bad argument, no permission, …). Not retryable.
 * - `GRPC_FAILED`: the service failed in a way it does not describe; the outcome is unknown. Retryable.
 * - `GRPC_LISTEN_FAILED`: the server could not bind its port. Not retryable.
 */
export type GrpcErrorCode =
  | 'GRPC_UNAVAILABLE'
  | 'GRPC_DEADLINE'
  | 'GRPC_CANCELLED'
  | 'GRPC_REJECTED'
  | 'GRPC_FAILED'
  | 'GRPC_LISTEN_FAILED';

const BY_STATUS: Partial<Readonly<Record<StatusName, GrpcErrorCode>>> = {
  UNAVAILABLE: 'GRPC_UNAVAILABLE',
  // Two attempts met: the specification's advice for ABORTED is to try again.
  ABORTED: 'GRPC_UNAVAILABLE',
  DEADLINE_EXCEEDED: 'GRPC_DEADLINE',
  CANCELLED: 'GRPC_CANCELLED',
  INTERNAL: 'GRPC_FAILED',
  UNKNOWN: 'GRPC_FAILED',
  DATA_LOSS: 'GRPC_FAILED',
};

export interface CallFacts {
  /** `inventory.InventoryService/ReserveStock` */
  readonly method: string;
  readonly endpoint?: string;
}

/** The error of a call that ended with `status`. */
export function callError(
  status: StatusName,
  message: string,
  facts: CallFacts,
  cause?: unknown,
  more: object = {},
): PlatformError<GrpcErrorCode> {
  // What refuses for overload will take the same request later.
  const code = 'refused' in more ? 'GRPC_UNAVAILABLE' : (BY_STATUS[status] ?? 'GRPC_REJECTED');
  return new PlatformError(code, `${facts.method}: ${status}: ${message}`, {
    retryable: code !== 'GRPC_REJECTED',
    details: { ...facts, status, ...more },
    cause,
  });
}

/** The status that ended a client call, for metrics; `UNKNOWN` for errors that did not come from a call. */
export function statusOf(error: unknown): string {
  const status = error instanceof PlatformError ? error.details['status'] : undefined;
  return typeof status === 'string' ? status : 'UNKNOWN';
}

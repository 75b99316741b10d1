import { type ErrorDetails, PlatformError } from '@flotilla/kernel';

/**
 * - `MESSAGING_INVALID_DATA`: the data to publish does not match the declared schema; a defect of the publisher.
 * - `MESSAGING_TOO_LARGE`: the message exceeds 256 KiB on the wire.
 * - `MESSAGING_FORBIDDEN`: the queue does not belong to the role that uses it.
 * - `MESSAGING_UNAVAILABLE`: the transport cannot be reached. Retryable.
 * - `MESSAGING_TOPOLOGY_DRIFT`: a queue or an exchange exists on the broker with other arguments than declared.
 * - `MESSAGING_SOURCE_REFUSED`: in the reason of a dead letter: its handler takes no messages of this service, or the service that
 *   published it is not the one that it names.
 * - `MESSAGING_HANDLER_TIMEOUT`: a handler did not finish within its deadline. Retryable.
 */
export type MessagingErrorCode =
  | 'MESSAGING_INVALID_DATA'
  | 'MESSAGING_TOO_LARGE'
  | 'MESSAGING_FORBIDDEN'
  | 'MESSAGING_UNAVAILABLE'
  | 'MESSAGING_TOPOLOGY_DRIFT'
  | 'MESSAGING_SOURCE_REFUSED'
  | 'MESSAGING_HANDLER_TIMEOUT';

const RETRYABLE: ReadonlySet<MessagingErrorCode> = new Set([
  'MESSAGING_UNAVAILABLE',
  'MESSAGING_HANDLER_TIMEOUT',
]);

export function messagingError(
  code: MessagingErrorCode,
  message: string,
  facts: { readonly details?: ErrorDetails; readonly cause?: unknown } = {},
): PlatformError<MessagingErrorCode> {
  return new PlatformError(code, message, { ...facts, retryable: RETRYABLE.has(code) });
}

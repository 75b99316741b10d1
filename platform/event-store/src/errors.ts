import { type ErrorDetails, PlatformError } from '@flotilla/kernel';

/**
 * - `EVENT_STORE_VERSION_CONFLICT`: the stream is not at the expected version; `details` has `expected` and `actual`.
 *   Read again, decide again.
 * - `EVENT_STORE_ORDER_CONFLICT`: a transaction that began to write later has appended to this stream already. Only a
 *   new transaction can append; `Database.transaction` runs its work again by itself.
 * - `EVENT_STORE_INVALID_EVENT`: an event does not match its schema, is too large, has NUL or half a
 *   surrogate pair in a text, or cannot be upcast.
 * - `EVENT_STORE_UNKNOWN_EVENT`: a stored event has a type that this code does not know, or a newer schema version.
 * - `EVENT_STORE_UNKNOWN_PROJECTION`: the database and the code do not agree on the projections there are.
 * - `EVENT_STORE_HANDLER_TIMEOUT`: a projection's handler did not finish in time.
 * - `EVENT_STORE_HANDLER_CRASH`: processes ended, one after the other, while they handled this event alone.
 */
export type EventStoreErrorCode =
  | 'EVENT_STORE_VERSION_CONFLICT'
  | 'EVENT_STORE_ORDER_CONFLICT'
  | 'EVENT_STORE_INVALID_EVENT'
  | 'EVENT_STORE_UNKNOWN_EVENT'
  | 'EVENT_STORE_UNKNOWN_PROJECTION'
  | 'EVENT_STORE_HANDLER_TIMEOUT'
  | 'EVENT_STORE_HANDLER_CRASH';

const RETRYABLE: ReadonlySet<EventStoreErrorCode> = new Set([
  'EVENT_STORE_VERSION_CONFLICT',
  'EVENT_STORE_ORDER_CONFLICT',
  'EVENT_STORE_HANDLER_TIMEOUT',
]);

export function eventStoreError(
  code: EventStoreErrorCode,
  message: string,
  facts: { readonly details?: ErrorDetails; readonly cause?: unknown } = {},
): PlatformError<EventStoreErrorCode> {
  return new PlatformError(code, message, { ...facts, retryable: RETRYABLE.has(code) });
}

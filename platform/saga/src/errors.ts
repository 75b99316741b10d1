import {
  isPlatformError,
  isRetryable,
  PlatformError,
  type PlatformErrorOptions,
  toError,
} from '@flotilla/kernel';
import { storableText } from '@flotilla/postgres';

/**
 * - `SAGA_NOT_FOUND`: there is no instance with this id.
 * - `SAGA_ALREADY_STARTED`: the id, or the type with this correlation key, is taken. The transaction stays usable.
 * - `SAGA_STEP_TIMEOUT` (retryable): a call did not answer within `timeoutMs`; its outcome is unknown.
 * - `SAGA_LEASE_LOST` (retryable): another engine took the instance over; seen by `call.signal` only.
 * - `SAGA_ENGINE_CLOSED` (retryable): the engine is closing; seen by `call.signal` only.
 * - `SAGA_DEFINITION_CHANGED`: a stored instance stands at a step that its definition no longer has.
 * - `SAGA_CHANGED` (retryable): a saga was changed by others each time it was to be written.
 */
export type SagaErrorCode =
  | 'SAGA_NOT_FOUND'
  | 'SAGA_ALREADY_STARTED'
  | 'SAGA_STEP_TIMEOUT'
  | 'SAGA_LEASE_LOST'
  | 'SAGA_ENGINE_CLOSED'
  | 'SAGA_DEFINITION_CHANGED'
  | 'SAGA_CHANGED';

const RETRYABLE: ReadonlySet<SagaErrorCode> = new Set([
  'SAGA_STEP_TIMEOUT',
  'SAGA_LEASE_LOST',
  'SAGA_ENGINE_CLOSED',
  'SAGA_CHANGED',
]);

export function sagaError(
  code: SagaErrorCode,
  message: string,
  options: Omit<PlatformErrorOptions, 'retryable'> = {},
): PlatformError<SagaErrorCode> {
  return new PlatformError(code, message, { ...options, retryable: RETRYABLE.has(code) });
}

/** What the history keeps of an error: no stack, no cause, one bounded line. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  /** May the same call succeed when it is tried again unchanged? */
  readonly retryable: boolean;
}

const MAX_MESSAGE_CHARS = 300;
const MAX_CODE_CHARS = 200;

export function toFault(thrown: unknown): Fault {
  const error = toError(thrown);
  return {
    code: toStorableCode(isPlatformError(thrown) ? thrown.code : error.name),
    message: storableText(printable(error.message), MAX_MESSAGE_CHARS),
    retryable: isRetryable(thrown),
  };
}

/** A code that comes from elsewhere is text like any other. */
export function toStorableCode(code: string): string {
  return storableText(code, MAX_CODE_CHARS);
}

/** A foreign message must not break the lines of a log. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').trim();
}

import { PlatformError, toError } from '@flotilla/kernel';

/**
 * - `INVENTORY_DOCUMENTS_UNAVAILABLE` (retryable): the document store gave no answer; whether it acted is unknown.
 * - `INVENTORY_COMMIT_TOO_LARGE`: more than one document can hold.
 */
export type InventoryErrorCode = 'INVENTORY_DOCUMENTS_UNAVAILABLE' | 'INVENTORY_COMMIT_TOO_LARGE';

export function documentsUnavailable(cause: unknown): PlatformError<InventoryErrorCode> {
  return new PlatformError('INVENTORY_DOCUMENTS_UNAVAILABLE', 'the document store gave no answer', {
    retryable: true,
    ...(cause !== undefined && { cause: toError(cause) }),
  });
}

export function commitTooLarge(bytes: number, maxBytes: number): PlatformError<InventoryErrorCode> {
  return new PlatformError(
    'INVENTORY_COMMIT_TOO_LARGE',
    'more than one commit of the document store can hold',
    {
      details: { bytes, maxBytes },
    },
  );
}

import { PlatformError } from '@flotilla/kernel';

/**
 * `USER_ERASURE_WAITS`: a service cannot erase a person's data before something has ended.
 * `USER_REQUEST_UNKNOWN`: the request that a saga works for is not there any more.
 */
export type UserErrorCode = 'USER_ERASURE_WAITS' | 'USER_REQUEST_UNKNOWN';

export function userError(
  code: UserErrorCode,
  message: string,
  {
    retryable = false,
    details = {},
  }: { readonly retryable?: boolean; readonly details?: Readonly<Record<string, string>> } = {},
): PlatformError<UserErrorCode> {
  return new PlatformError(code, message, { retryable, details });
}

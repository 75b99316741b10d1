import { PlatformError, type PlatformErrorOptions } from '@flotilla/kernel';

/**
 * - `BFF_SESSION_ENDED`: the issuer gives no more tokens for a session; it has been deleted.
 * - `BFF_ISSUER_UNAVAILABLE` (retryable): the issuer did not answer as it should. Sessions are left as they are.
 * - `BFF_LOGIN_REFUSED`: what came back from the issuer is not the answer to this login.
 * - `BFF_SEAL_BROKEN`: a sealed value was changed, or belongs to another key or place.
 */
export type BffErrorCode =
  | 'BFF_SESSION_ENDED'
  | 'BFF_ISSUER_UNAVAILABLE'
  | 'BFF_LOGIN_REFUSED'
  | 'BFF_SEAL_BROKEN';

export type BffError = PlatformError<BffErrorCode>;

export function bffError(code: BffErrorCode, message: string, options: PlatformErrorOptions = {}): BffError {
  return new PlatformError(code, message, options);
}

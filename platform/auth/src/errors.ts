import { PlatformError } from '@flotilla/kernel';

export type AuthErrorCode = 'AUTH_TOKEN_INVALID' | 'AUTH_KEYS_UNAVAILABLE' | 'AUTH_SERVICE_TOKEN_UNAVAILABLE';

/** Why a token was refused: for logs and counters only, a client never learns it. */
export type InvalidReason =
  | 'malformed'
  | 'too-large'
  | 'algorithm'
  | 'type'
  | 'critical-header'
  | 'unknown-key'
  | 'signature'
  | 'expired'
  | 'not-yet-valid'
  | 'issuer'
  | 'audience'
  | 'claim';

export function tokenInvalid(reason: InvalidReason, cause?: unknown): PlatformError<AuthErrorCode> {
  return new PlatformError('AUTH_TOKEN_INVALID', 'the access token was refused', {
    retryable: false,
    details: { reason },
    cause,
  });
}

export function keysUnavailable(cause: unknown): PlatformError<AuthErrorCode> {
  return new PlatformError('AUTH_KEYS_UNAVAILABLE', 'the signing keys could not be loaded', {
    retryable: true,
    cause,
  });
}

export function serviceTokenUnavailable(cause: unknown): PlatformError<AuthErrorCode> {
  return new PlatformError('AUTH_SERVICE_TOKEN_UNAVAILABLE', 'no service token could be obtained', {
    retryable: true,
    cause,
  });
}

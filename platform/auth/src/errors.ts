import { PlatformError } from '@flotilla/kernel';

export type AuthErrorCode =
  | 'AUTH_TOKEN_INVALID'
  | 'AUTH_KEYS_UNAVAILABLE'
  | 'AUTH_REVOCATIONS_UNAVAILABLE'
  | 'AUTH_CALLER_REFUSED'
  | 'AUTH_SERVICE_TOKEN_UNAVAILABLE'
  | 'AUTH_POLICY_MISSING';

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
  | 'claim'
  | 'revoked'
  | 'delegation';

export function tokenInvalid(reason: InvalidReason, cause?: unknown): PlatformError<AuthErrorCode> {
  return new PlatformError('AUTH_TOKEN_INVALID', 'the access token was refused', {
    retryable: false,
    details: { reason },
    cause,
  });
}

/** The token is good, and the service it names has no business here. */
export function callerRefused(service: string): PlatformError<AuthErrorCode> {
  return new PlatformError('AUTH_CALLER_REFUSED', `the service ${service} may not call this one`, {
    retryable: false,
    details: { service },
  });
}

export function keysUnavailable(cause: unknown): PlatformError<AuthErrorCode> {
  return new PlatformError('AUTH_KEYS_UNAVAILABLE', 'the signing keys could not be loaded', {
    retryable: true,
    cause,
  });
}

/** A good token may have been revoked before this process began: that is not known yet. */
export function revocationsUnavailable(): PlatformError<AuthErrorCode> {
  return new PlatformError('AUTH_REVOCATIONS_UNAVAILABLE', 'it is not known yet which tokens were revoked', {
    retryable: true,
  });
}

export function serviceTokenUnavailable(cause: unknown): PlatformError<AuthErrorCode> {
  return new PlatformError('AUTH_SERVICE_TOKEN_UNAVAILABLE', 'no service token could be obtained', {
    retryable: true,
    cause,
  });
}

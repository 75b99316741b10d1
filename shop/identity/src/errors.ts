import { isPlatformError, PlatformError, type PlatformErrorOptions } from '@flotilla/kernel';

/**
 * - `IDENTITY_BUSY` (retryable): too many passwords wait to be hashed.
 * - `IDENTITY_CLIENT_INVALID`: an application in the configuration is not one that the OpenID provider can work with.
 * - `IDENTITY_HASH_UNREADABLE`: a stored password hash is none of ours.
 * - `IDENTITY_SEAL_BROKEN`: what was sealed cannot be opened with this key: it is another one, or the data were changed.
 */
export type IdentityErrorCode =
  | 'IDENTITY_BUSY'
  | 'IDENTITY_CLIENT_INVALID'
  | 'IDENTITY_HASH_UNREADABLE'
  | 'IDENTITY_SEAL_BROKEN';

export function identityError(
  code: IdentityErrorCode,
  message: string,
  options: Pick<PlatformErrorOptions, 'cause'> = {},
): PlatformError<IdentityErrorCode> {
  return new PlatformError(code, message, { ...options, retryable: code === 'IDENTITY_BUSY' });
}

/** For `catch`: too many wait for their password to be hashed. Throws what is anything else. */
export function orBusy(error: unknown): 'busy' {
  if (isPlatformError(error) && error.code === 'IDENTITY_BUSY') return 'busy';
  throw error;
}

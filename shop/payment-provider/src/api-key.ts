import { createHash, timingSafeEqual } from 'node:crypto';
import type { VerifyToken } from '@flotilla/auth';
import { PlatformError } from '@flotilla/kernel';

/** Lets in whoever presents the provider's API key. Takes the same time for every wrong key. */
export function createApiKeyVerifier(apiKey: string): VerifyToken {
  const expected = digest(apiKey);
  return async (token) => {
    if (!timingSafeEqual(digest(token), expected))
      throw new PlatformError('AUTH_TOKEN_INVALID', 'the API key is wrong');
    return { subject: 'merchant', scopes: new Set(), permissions: new Set(), token };
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

import type { VerifyToken } from '@flotilla/auth';
import { createSecretCheck, PlatformError } from '@flotilla/kernel';

/** Lets in whoever presents the provider's API key. Takes the same time for every wrong key. */
export function createApiKeyVerifier(apiKey: string): VerifyToken {
  const isApiKey = createSecretCheck(apiKey);
  return async (token) => {
    if (!isApiKey(token)) throw new PlatformError('AUTH_TOKEN_INVALID', 'the API key is wrong');
    return { subject: 'merchant', scopes: new Set(), permissions: new Set(), token };
  };
}

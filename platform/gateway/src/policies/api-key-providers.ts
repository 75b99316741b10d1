import { type ApiKeys, createApiKeys } from './authentication/api-keys.ts';
import type { ApiKeyConfig } from './authentication/api-keys-config.ts';
import type { AuthenticationProviderConfig } from './authentication/config.ts';
import type { RateLimitConfig } from './rate-limit/config.ts';
import { compileRateLimit, type RateLimitDeps } from './rate-limit/rate-limit.ts';

/** Those of the configuration. Quotas go on over a reload that leaves them as they are, and are one for all routes, with Redis for all replicas. */
export function createApiKeyProviders(
  configured: ReadonlyMap<string, AuthenticationProviderConfig>,
  deps: Pick<RateLimitDeps, 'budgets' | 'shared' | 'nowMs'>,
): ReadonlyMap<string, ApiKeys> {
  const providers = new Map<string, ApiKeys>();
  for (const [name, { keys }] of configured) {
    if (keys.kind !== 'api-keys') continue;
    const quotaOf = ({ id, quota }: ApiKeyConfig) => {
      if (quota === undefined) return undefined;
      const routeId = `api-key ${name} ${id}`;
      return compileRateLimit(limitOf(quota), 'before-authentication', {
        ...{ ...deps, routeId, routeName: '', strict: false },
      });
    };
    providers.set(name, createApiKeys(keys, quotaOf));
  }
  return providers;
}

/** One budget for all requests with the keys of one owner. */
function limitOf(quota: NonNullable<ApiKeyConfig['quota']>): RateLimitConfig {
  return {
    ...quota,
    waitMs: undefined,
    wait: '0ms',
    key: { kind: 'route' },
    whitelist: new Set(),
    status: 429,
    message: `the quota of this key is ${quota.limit} per ${quota.period}`,
    format: 'problem',
    headers: true,
    store: 'shared',
  };
}

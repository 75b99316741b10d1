import { tokenKey } from '@flotilla/auth';
import { isPlatformError } from '@flotilla/kernel';
import type { Claims, Exchange, Step } from '../../exchange.ts';
import { fieldValue } from '../../wire/rules/fields.ts';
import { type Refusal, SERVICE_UNAVAILABLE } from '../../wire/rules/refusal.ts';
import { isExemptFromAuthentication } from '../cors/cors.ts';
import type { ApiKeys } from './api-keys.ts';
import type { AuthenticationConfig } from './config.ts';
import type { TokenProvider } from './providers.ts';
import { takeToken } from './token-sources.ts';

export interface AuthenticationDeps {
  readonly strict: boolean;
  /** By key: of the configuration and registered in code. */
  readonly providers: ReadonlyMap<string, TokenProvider>;
  /** Those of the configuration whose clients show keys. */
  readonly apiKeys: ReadonlyMap<string, ApiKeys>;
  readonly nowMs: () => number;
  /** For counters, never for the client: `signature`, `expired`, `unavailable`, … */
  readonly onRefused: (provider: string, reason: string) => void;
}

const NO_TOKEN = unauthorized('Bearer');
const BAD_TOKEN = unauthorized('Bearer error="invalid_token"');
const NO_KEY = unauthorized('ApiKey');

/**
 * Sets the exchange's claims from an API key or the bearer token, or refuses with 401. The providers are asked in order and
 * the first that accepts wins; one that cannot be asked is passed over, and when none accepts makes the response
 * 503 if it is one in code, or one whose keys were never had. A token that was accepted before costs no promise. Throws `RangeError` on a provider that is not there.
 */
export function compileAuthentication(
  config: AuthenticationConfig | undefined,
  deps: AuthenticationDeps,
): Step | undefined {
  const { strict, apiKeys, nowMs, onRefused } = deps;
  if (config === undefined) return undefined;
  const withKeys = config.providers.filter((key) => apiKeys.has(key));
  const withTokens = config.providers.filter((key) => !apiKeys.has(key));
  const tokens = withTokens.length === 0 ? () => NO_KEY : compileTokens(config, withTokens, deps);
  const keys = withKeys.flatMap((name) => {
    const known = apiKeys.get(name);
    return known === undefined ? [] : [{ name, known }];
  });
  return (exchange) => {
    if (isExemptFromAuthentication(exchange.request, strict)) return undefined;
    for (const { name, known } of keys) {
      const key = known.take(exchange);
      const found = key === undefined ? undefined : known.find(key, nowMs());
      if (typeof found === 'string') onRefused(name, found);
      else if (found !== undefined) {
        exchange.claims = found.claims;
        exchange.isPersonal = true;
        return found.quota?.(exchange);
      }
    }
    return tokens(exchange);
  };
}

function compileTokens(
  { sources }: AuthenticationConfig,
  names: readonly string[],
  { providers, nowMs, onRefused }: AuthenticationDeps,
): Step {
  const asked = names.map((key) => {
    const provider = providers.get(key);
    if (provider === undefined) throw new RangeError(`no authentication provider is called ${key}`);
    return { key, provider };
  });

  async function verify(exchange: Exchange, token: string, key: string): Promise<Refusal | undefined> {
    let isUndecided = false;
    for (const { key: name, provider } of asked) {
      try {
        exchange.claims = await provider.verify(token, key);
        return undefined;
      } catch (error) {
        onRefused(name, reasonOf(error));
        isUndecided ||= provider.mayBeAway === true && isPlatformError(error) && error.retryable;
      }
    }
    return isUndecided ? SERVICE_UNAVAILABLE : BAD_TOKEN;
  }

  return (exchange) => {
    const elsewhere = sources && takeToken(exchange, sources);
    const token = bearerToken(fieldValue(exchange.request.fields, 'authorization')) ?? elsewhere;
    if (token === undefined) return NO_TOKEN;
    const key = tokenKey(token);
    const known = recall(asked, key, nowMs());
    if (known === undefined) return verify(exchange, token, key);
    exchange.claims = known;
    return undefined;
  };
}

function recall(
  asked: readonly { readonly provider: TokenProvider }[],
  key: string,
  nowMs: number,
): Claims | undefined {
  for (const { provider } of asked) {
    const claims = provider.recall(key, nowMs);
    if (claims !== undefined) return claims;
  }
  return undefined;
}

const SCHEME = 'bearer';

/** Of `Bearer <token>`, the scheme in any case; one token without blanks or commas. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.charCodeAt(SCHEME.length) !== 0x20) return undefined;
  if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return undefined;
  let start = SCHEME.length;
  while (authorization.charCodeAt(start) === 0x20) start += 1;
  for (let index = start; index < authorization.length; index += 1) {
    const code = authorization.charCodeAt(index);
    if (code <= 0x20 || code === 0x2c) return undefined;
  }
  return start < authorization.length ? authorization.slice(start) : undefined;
}

function reasonOf(error: unknown): string {
  if (!isPlatformError(error)) return 'error';
  return error.retryable ? 'unavailable' : String(error.details['reason'] ?? 'unknown');
}

function unauthorized(challenge: string): Refusal {
  return { status: 401, code: 'unauthorized', headers: [['www-authenticate', challenge]] };
}

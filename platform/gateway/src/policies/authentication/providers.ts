import {
  createClaimsVerifier,
  createRemoteKeys,
  createVerifiedTokens,
  type VerifyClaims,
  type VerifyToken,
} from '@flotilla/auth';
import type { Clock } from '@flotilla/kernel';
import type { Claims } from '../../exchange.ts';
import type { ApiKeysConfig } from './api-keys-config.ts';
import type { AuthenticationProviderConfig } from './config.ts';

/** What turns a token into the claims of its owner. */
export interface TokenProvider {
  /** Claims of a token that was accepted before and is still good. */
  recall(key: string, nowMs: number): Claims | undefined;
  /** Rejects when the token is refused or cannot be checked now. */
  verify(token: string, key: string): Promise<Claims>;
  /** When it cannot say now (a `retryable` PlatformError) and no other accepts: is that no 401, which ends sessions, but 503? */
  readonly mayBeAway?: boolean;
}

/** A provider in code: resolves with the payload of a good token, rejects for any other. */
export type VerifyTokenClaims = (token: string) => Promise<Readonly<Record<string, unknown>>>;

export interface ProviderDeps {
  readonly clock: Pick<Clock, 'now'>;
  /** Loads the document of a `JwksUri`. */
  readonly fetchJwks: (url: string, signal: AbortSignal) => Promise<unknown>;
  /** A load of keys that failed, a key that was left out. */
  readonly onProblem: (provider: string, error: Error) => void;
}

/** An unknown `kid` makes the keys be loaded anew, no sooner than this after the last time. */
const JWKS_COOLDOWN_MS = 5_000;
/** Keys of an issuer that has been away for so long are used no more. */
const MAX_STALE_MS = 3_600_000;
const MAX_REMEMBERED_TOKENS = 10_000;

/** One whose clients show tokens. */
export interface TokenProviderConfig extends AuthenticationProviderConfig {
  readonly keys: Exclude<AuthenticationProviderConfig['keys'], ApiKeysConfig>;
}

/** A provider of `AuthenticationProviders`. Throws `RangeError` on algorithms that do not fit its keys. */
export function createTokenProvider(
  name: string,
  config: TokenProviderConfig,
  { clock, fetchJwks, onProblem }: ProviderDeps,
): TokenProvider {
  const { issuer, audiences, algorithms, clockSkewSeconds, keys, maxTokenBytes } = config;
  /** When keys were had last; without them nothing can be said of any token. */
  let loadedAtMs = Number.NEGATIVE_INFINITY;
  const load = async (url: string, signal: AbortSignal) => {
    const document = await fetchJwks(url, signal);
    loadedAtMs = clock.now().getTime();
    return document;
  };
  const source =
    keys.kind === 'secret'
      ? { secret: keys.secret }
      : createRemoteKeys({
          maxStaleMs: MAX_STALE_MS,
          fetchJwks: (signal) => load(keys.url, signal),
          clock,
          cooldownMs: JWKS_COOLDOWN_MS,
          onProblem: (error) => onProblem(name, error),
        });
  const clockToleranceSeconds = clockSkewSeconds;
  const options = {
    issuer,
    audiences,
    algorithms,
    keys: source,
    clock,
    clockToleranceSeconds,
    maxTokenBytes,
  };
  const isAway = () => keys.kind === 'jwks' && clock.now().getTime() - loadedAtMs > MAX_STALE_MS;
  return remembering(createClaimsVerifier(options), clockSkewSeconds * 1000, isAway);
}

/** Accepted tokens are remembered by their hash until they expire, 10,000 of them. */
function remembering(verify: VerifyClaims, skewMs: number, isAway: () => boolean): TokenProvider {
  const accepted = createVerifiedTokens<Claims>(MAX_REMEMBERED_TOKENS);
  return {
    recall: (key, nowMs) => accepted.find(key, nowMs),
    verify: async (token, key) => {
      const payload = await verify(token);
      const claims = toClaims(payload);
      accepted.remember(key, claims, payload.exp * 1000 + skewMs);
      return claims;
    },
    get mayBeAway() {
      return isAway();
    },
  };
}

/** A provider registered in code is asked every time: what it knows of revoked tokens is its own business. */
export function customProvider(verify: VerifyTokenClaims): TokenProvider {
  return {
    recall: () => undefined,
    verify: async (token) => toClaims(await verify(token)),
    mayBeAway: true,
  };
}

/** The platform's own access tokens, verified by `createTokenVerifier`, which remembers them itself. */
export function principalProvider(verifyToken: VerifyToken): TokenProvider {
  return customProvider(async (token) => {
    const { subject, tenantId, clientId, scopes, permissions, email, name, role } = await verifyToken(token);
    const identity = { sub: subject, email, name, role, tenant_id: tenantId, client_id: clientId };
    return { ...identity, scope: [...scopes], permissions: [...permissions] };
  });
}

/**
 * The members of a token's payload as texts: one for a string, number or boolean, one for each item of an
 * array, the JSON text of an object. `null` says nothing and is left out.
 */
export function toClaims(payload: Readonly<Record<string, unknown>>): Claims {
  const claims: Claims = new Map();
  for (const [name, value] of Object.entries(payload)) {
    const texts = (Array.isArray(value) ? value : [value]).filter((item) => item != null).map(toText);
    if (texts.length > 0) claims.set(name, texts);
  }
  return claims;
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

import { type Clock, systemClock } from '@flotilla/kernel';
import { assertNumericDates, principalOf } from './claims.ts';
import { tokenInvalid } from './errors.ts';
import { assertCanonical, findKey, MAX_TOKEN_BYTES, verifySignatureAndClaims } from './jwt.ts';
import type { KeySource } from './key-set.ts';
import type { Principal } from './principal.ts';
import { createVerifiedTokens, tokenKey } from './verified-tokens.ts';

/**
 * Turns an access token into its principal. Throws `AUTH_TOKEN_INVALID` (with `details.reason`, not for the
 * client) or `AUTH_KEYS_UNAVAILABLE` (retryable).
 */
export type VerifyToken = (token: string) => Promise<Principal>;

export interface TokenVerifierOptions {
  /** The only accepted `iss`. */
  readonly issuer: string;
  /** Must be a member of `aud`, exactly. */
  readonly audience: string;
  /** Accepted signature algorithms, asymmetric only. Never taken from the token. */
  readonly algorithms: readonly string[];
  readonly keys: KeySource;
  readonly clock?: Pick<Clock, 'now'>;
  /** Allowed difference between the clocks of issuer and verifier. Default 30, at most 60. */
  readonly clockToleranceSeconds?: number;
  /** Verified tokens remembered until they expire. Default 10,000. */
  readonly maxCachedTokens?: number;
}

const ACCESS_TOKEN = 'at+jwt';
const REQUIRED_CLAIMS = ['iss', 'aud', 'sub', 'exp', 'iat', 'jti'];
const ASYMMETRIC = /^(ES|RS|PS)(256|384|512)$|^EdDSA$/;

/** A verifier for RFC 9068 access tokens. Throws `RangeError` on options that would make it unsafe. */
export function createTokenVerifier(options: TokenVerifierOptions): VerifyToken {
  const { issuer, audience, algorithms, keys, clock = systemClock, clockToleranceSeconds = 30 } = options;
  assertSafe(algorithms, clockToleranceSeconds);
  const cache = createVerifiedTokens<Principal>(options.maxCachedTokens ?? 10_000);

  return async (token) => {
    if (token.length > MAX_TOKEN_BYTES) throw tokenInvalid('too-large');
    const now = clock.now();
    const key = tokenKey(token);
    const known = cache.find(key, now.getTime());
    if (known !== undefined) return known;
    assertCanonical(token);
    const claims = await verifySignatureAndClaims(token, {
      issuer,
      audience,
      algorithms: [...algorithms],
      typ: ACCESS_TOKEN,
      requiredClaims: REQUIRED_CLAIMS,
      clockTolerance: clockToleranceSeconds,
      currentDate: now,
      findKey: (header) => findKey(keys, header),
    });
    assertNumericDates(claims);
    const { iat = 0, exp = 0 } = claims;
    if (iat > now.getTime() / 1000 + clockToleranceSeconds) throw tokenInvalid('not-yet-valid');
    const principal = principalOf(claims, token);
    cache.remember(key, principal, (exp + clockToleranceSeconds) * 1000);
    return principal;
  };
}

function assertSafe(algorithms: readonly string[], clockToleranceSeconds: number): void {
  if (algorithms.length === 0 || algorithms.some((name) => !ASYMMETRIC.test(name)))
    throw new RangeError(`algorithms must be asymmetric signatures, got ${algorithms.join(', ') || 'none'}`);
  if (!(clockToleranceSeconds >= 0 && clockToleranceSeconds <= 60))
    throw new RangeError(`clockToleranceSeconds must be 0 to 60, got ${clockToleranceSeconds}`);
}

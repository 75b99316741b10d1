import { type Clock, systemClock } from '@flotilla/kernel';
import { assertNumericDates, principalOf } from './claims.ts';
import { callerRefused, tokenInvalid } from './errors.ts';
import { findKey, type JwtHeader, MAX_TOKEN_BYTES, verifyJwt } from './jwt.ts';
import type { KeySource } from './key-set.ts';
import type { Principal } from './principal.ts';
import type { Revocations } from './revocations.ts';
import { createVerifiedTokens, tokenKey } from './verified-tokens.ts';

/**
 * Turns an access token into its principal. Throws `AUTH_TOKEN_INVALID` (with `details.reason`, not for the
 * client), `AUTH_CALLER_REFUSED` or `AUTH_KEYS_UNAVAILABLE` (retryable).
 */
export type VerifyToken = (token: string) => Promise<Principal>;

export interface TokenVerifierOptions {
  /** The only accepted `iss`. */
  readonly issuer: string;
  /** One of them must be a member of `aud`, exactly. */
  readonly audience: string | readonly [string, ...string[]];
  /** Accepted signature algorithms, asymmetric only. Never taken from the token. */
  readonly algorithms: readonly string[];
  readonly keys: KeySource;
  /** Asked for each token, verified before or not. Without it a token is good until its end. */
  readonly revocations?: Pick<Revocations, 'revokes'>;
  /** The services that may call here, by themselves or for a user: the edges of the topology. Default: every one with a token. */
  readonly callers?: ReadonlySet<string> | undefined;
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
  const { issuer, audience, algorithms, keys } = options;
  const { clock = systemClock, clockToleranceSeconds = 30 } = options;
  assertSafe(algorithms, clockToleranceSeconds);
  const cache = createVerifiedTokens<Principal>(options.maxCachedTokens ?? 10_000);
  const checks = {
    issuer,
    audiences: typeof audience === 'string' ? [audience] : audience,
    algorithms: new Set(algorithms),
    type: ACCESS_TOKEN,
    requiredClaims: REQUIRED_CLAIMS,
    clockToleranceSeconds,
    findKey: (header: JwtHeader) => findKey(keys, header),
  };

  async function verify(token: string, key: string, nowMs: number): Promise<Principal> {
    const claims = await verifyJwt(token, { ...checks, nowSeconds: nowMs / 1_000 });
    assertNumericDates(claims);
    const principal = principalOf(claims, token);
    if (Number(claims['iat']) > nowMs / 1_000 + clockToleranceSeconds) throw tokenInvalid('not-yet-valid');
    cache.remember(key, principal, (Number(claims['exp']) + clockToleranceSeconds) * 1_000);
    return principal;
  }

  return async (token) => {
    if (token.length > MAX_TOKEN_BYTES) throw tokenInvalid('too-large');
    const nowMs = clock.now().getTime();
    const key = tokenKey(token);
    const principal = cache.find(key, nowMs) ?? (await verify(token, key, nowMs));
    // After the wait for a key, too: what was revoked meanwhile is refused.
    assertAdmitted(principal, options);
    return principal;
  };
}

/** What holds of a good token besides: it was not revoked, and its service may call here. */
export type Admission = Pick<TokenVerifierOptions, 'revocations' | 'callers'>;

/** The same for a verifier that was made elsewhere. */
export function admitTokens(verify: VerifyToken, admission: Admission): VerifyToken {
  return async (token) => {
    const principal = await verify(token);
    assertAdmitted(principal, admission);
    return principal;
  };
}

function assertAdmitted(principal: Principal, { revocations, callers }: Admission): void {
  if (revocations?.revokes(principal)) throw tokenInvalid('revoked');
  const { service } = principal;
  if (service !== undefined && callers !== undefined && !callers.has(service)) throw callerRefused(service);
}

function assertSafe(algorithms: readonly string[], clockToleranceSeconds: number): void {
  if (algorithms.length === 0 || algorithms.some((name) => !ASYMMETRIC.test(name)))
    throw new RangeError(`algorithms must be asymmetric signatures, got ${algorithms.join(', ') || 'none'}`);
  if (!(clockToleranceSeconds >= 0 && clockToleranceSeconds <= 60))
    throw new RangeError(`clockToleranceSeconds must be 0 to 60, got ${clockToleranceSeconds}`);
}

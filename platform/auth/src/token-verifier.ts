import { type Clock, isPlatformError, systemClock } from '@flotilla/kernel';
import { errors, type JWSHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import { assertNumericDates, principalOf } from './claims.ts';
import { type InvalidReason, tokenInvalid } from './errors.ts';
import type { KeySource, VerificationKey } from './key-set.ts';
import type { Principal } from './principal.ts';
import { parseStrictObject } from './strict-json.ts';
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

const MAX_TOKEN_BYTES = 8 * 1024;
const ACCESS_TOKEN = 'at+jwt';
const REQUIRED_CLAIMS = ['iss', 'aud', 'sub', 'exp', 'iat', 'jti'];
const ASYMMETRIC = /^(ES|RS|PS)(256|384|512)$|^EdDSA$/;

/** A verifier for RFC 9068 access tokens. Throws `RangeError` on options that would make it unsafe. */
export function createTokenVerifier(options: TokenVerifierOptions): VerifyToken {
  const { issuer, audience, algorithms, keys, clock = systemClock, clockToleranceSeconds = 30 } = options;
  assertSafe(algorithms, clockToleranceSeconds);
  const cache = createVerifiedTokens(options.maxCachedTokens ?? 10_000);

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

/** One token, one spelling: base64url without padding or stray bits, strict JSON in header and payload. */
function assertCanonical(token: string): void {
  const segments = token.split('.');
  if (segments.length !== 3) throw tokenInvalid('malformed');
  const [header, payload, signature] = segments.map(decodeSegment);
  if (header === undefined || payload === undefined || signature === undefined)
    throw tokenInvalid('malformed');
  if (parseStrictObject(header) === undefined || parseStrictObject(payload) === undefined)
    throw tokenInvalid('malformed');
}

function decodeSegment(segment: string): Buffer | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  return bytes.length > 0 && bytes.toString('base64url') === segment ? bytes : undefined;
}

async function findKey(keys: KeySource, header: JWSHeaderParameters): Promise<VerificationKey['key']> {
  if (typeof header.kid !== 'string') throw tokenInvalid('unknown-key');
  const found = await keys.find(header.kid);
  if (found === undefined) throw tokenInvalid('unknown-key');
  if (found.algorithm !== header.alg) throw tokenInvalid('algorithm');
  return found.key;
}

type Checks = NonNullable<Parameters<typeof jwtVerify>[2]> & {
  readonly findKey: (header: JWSHeaderParameters) => Promise<VerificationKey['key']>;
};

async function verifySignatureAndClaims(token: string, checks: Checks): Promise<JWTPayload> {
  const { findKey: find, ...options } = checks;
  try {
    return (await jwtVerify(token, find, options)).payload;
  } catch (error) {
    if (isPlatformError(error)) throw error;
    throw tokenInvalid(reasonOf(error), error);
  }
}

const CLAIM_REASONS: Readonly<Record<string, InvalidReason>> = {
  typ: 'type',
  iss: 'issuer',
  aud: 'audience',
  nbf: 'not-yet-valid',
};

function reasonOf(error: unknown): InvalidReason {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_REASONS[error.claim] ?? 'claim';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JOSENotSupported) return 'critical-header';
  return 'malformed';
}

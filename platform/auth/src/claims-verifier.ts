import { createSecretKey } from 'node:crypto';
import { type Clock, systemClock } from '@flotilla/kernel';
import { tokenInvalid } from './errors.ts';
import { findKey, type JwtHeader, MAX_TOKEN_BYTES, verifyJwt } from './jwt.ts';
import type { KeySource } from './key-set.ts';

/**
 * Turns a token into its claims. Throws `AUTH_TOKEN_INVALID` (with `details.reason`, not for the client) or
 * `AUTH_KEYS_UNAVAILABLE` (retryable).
 */
export type VerifyClaims = (token: string) => Promise<TokenClaims>;

/** The members of a verified token's payload. */
export interface TokenClaims {
  readonly [name: string]: unknown;
  /** Seconds since the epoch, finite. */
  readonly exp: number;
}

export interface ClaimsVerifierOptions {
  /** The only accepted `iss`; `undefined` = not checked. */
  readonly issuer: string | undefined;
  /** `aud` must contain one of them; empty = not checked. */
  readonly audiences: readonly string[];
  /** Accepted signature algorithms: HS* with a secret, asymmetric ones with a key source, never both. */
  readonly algorithms: readonly string[];
  /** A shared secret of at least 32 bytes of UTF-8, or where public keys come from. */
  readonly keys: { readonly secret: string } | KeySource;
  readonly clock?: Pick<Clock, 'now'>;
  /** Allowed difference between the clocks of issuer and verifier. Default 60. */
  readonly clockToleranceSeconds?: number;
  /** The only accepted `typ`, as RFC 9068 compares it. Default: not checked. */
  readonly type?: string;
  /** Longer tokens are refused unread. Default 8 KiB. */
  readonly maxTokenBytes?: number;
}

const MIN_SECRET_BYTES = 32;
const SYMMETRIC = /^HS(256|384|512)$/;
const ASYMMETRIC = /^(ES|RS|PS)(256|384|512)$|^EdDSA$/;

/**
 * A verifier for signed JWTs of any issuer: signature, `exp` (required), `nbf`, and what the options ask for.
 * For the platform's own access tokens use `createTokenVerifier`, which demands more. Nothing is remembered:
 * every call verifies. Throws `RangeError` on options that would make it unsafe.
 */
export function createClaimsVerifier(options: ClaimsVerifierOptions): VerifyClaims {
  const { issuer, audiences, algorithms, keys, clock = systemClock, clockToleranceSeconds = 60 } = options;
  const { maxTokenBytes = MAX_TOKEN_BYTES } = options;
  assertSafe(options);
  const secret = 'secret' in keys ? createSecretKey(keys.secret, 'utf8') : undefined;
  const checks = {
    ...(issuer !== undefined && { issuer }),
    ...(audiences.length > 0 && { audiences }),
    ...(options.type !== undefined && { type: options.type }),
    algorithms: new Set(algorithms),
    requiredClaims: ['exp'],
    clockToleranceSeconds,
    findKey: async (header: JwtHeader) => secret ?? (await findKey(keys as KeySource, header)), // a source if no secret
  };
  return async (token) => {
    if (token.length > maxTokenBytes) throw tokenInvalid('too-large');
    const claims = await verifyJwt(token, { ...checks, nowSeconds: clock.now().getTime() / 1_000 });
    const { exp, nbf = 0 } = claims;
    if (!isTime(exp) || !isTime(nbf)) throw tokenInvalid('claim');
    return { ...claims, exp };
  };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** A key of one kind must never be taken for the other: a public key is no secret. */
function assertSafe({ algorithms, keys, clockToleranceSeconds = 60 }: ClaimsVerifierOptions): void {
  const allowed = 'secret' in keys ? SYMMETRIC : ASYMMETRIC;
  if (algorithms.length === 0 || algorithms.some((name) => !allowed.test(name)))
    throw new RangeError(`algorithms do not fit the keys: ${algorithms.join(', ') || 'none'}`);
  if ('secret' in keys && Buffer.byteLength(keys.secret) < MIN_SECRET_BYTES)
    throw new RangeError(`secret must have at least ${MIN_SECRET_BYTES} bytes`);
  if (!(clockToleranceSeconds >= 0 && Number.isFinite(clockToleranceSeconds)))
    throw new RangeError(`clockToleranceSeconds must be 0 or more, got ${clockToleranceSeconds}`);
}

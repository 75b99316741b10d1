import type { KeyObject } from 'node:crypto';
import { isPlatformError } from '@flotilla/kernel';
import { errors, type JWSHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import { type InvalidReason, tokenInvalid } from './errors.ts';
import type { KeySource } from './key-set.ts';
import { parseStrictObject } from './strict-json.ts';

export const MAX_TOKEN_BYTES: number = 8 * 1024;

/** One token, one spelling: base64url without padding or stray bits, strict JSON in header and payload. */
export function assertCanonical(token: string): void {
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

export async function findKey(keys: KeySource, header: JWSHeaderParameters): Promise<KeyObject> {
  if (typeof header.kid !== 'string') throw tokenInvalid('unknown-key');
  const found = await keys.find(header.kid);
  if (found === undefined) throw tokenInvalid('unknown-key');
  if (found.algorithm !== header.alg) throw tokenInvalid('algorithm');
  return found.key;
}

type Checks = NonNullable<Parameters<typeof jwtVerify>[2]> & {
  readonly findKey: (header: JWSHeaderParameters) => Promise<KeyObject>;
};

export async function verifySignatureAndClaims(token: string, checks: Checks): Promise<JWTPayload> {
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

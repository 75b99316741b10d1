import type { KeyObject } from 'node:crypto';
import { tokenInvalid } from './errors.ts';
import { isSignedBy } from './jws.ts';
import type { KeySource } from './key-set.ts';
import { parseStrictObject } from './strict-json.ts';

export const MAX_TOKEN_BYTES: number = 8 * 1024;

/** The payload of a token, as it stands there. */
export type JwtClaims = Readonly<Record<string, unknown>>;
/** The header of a token: nobody vouches for it. */
export type JwtHeader = Readonly<Record<string, unknown>>;

export interface Checks {
  readonly algorithms: ReadonlySet<string>;
  /** The only accepted `typ`. Default: any. */
  readonly type?: string;
  /** The only accepted `iss`. Default: any. */
  readonly issuer?: string;
  /** `aud` must contain one of them. Default: any. */
  readonly audiences?: readonly string[];
  readonly requiredClaims: readonly string[];
  readonly clockToleranceSeconds: number;
  readonly nowSeconds: number;
  readonly findKey: (header: JwtHeader) => Promise<KeyObject>;
}

/**
 * The claims of a signed token, after everything about it was checked. Throws `AUTH_TOKEN_INVALID`, and what `findKey`
 * throws. The signature comes before the claims: of what somebody else wrote nothing is believed.
 */
export async function verifyJwt(token: string, checks: Checks): Promise<JwtClaims> {
  const { header, payload, signature, signedBytes } = readToken(token);
  const algorithm = assertHeader(header, checks);
  if (!isSignedBy(await checks.findKey(header), algorithm, signedBytes, signature))
    throw tokenInvalid('signature');
  assertType(header, checks);
  assertClaims(payload, checks);
  return payload;
}

/** One token, one spelling: base64url without padding or stray bits, strict JSON in header and payload. */
function readToken(token: string) {
  const segments = token.split('.');
  if (segments.length !== 3) throw tokenInvalid('malformed');
  const [headerBytes, payloadBytes, signature] = segments.map(decodeSegment);
  const header = headerBytes && parseStrictObject(headerBytes);
  const payload = payloadBytes && parseStrictObject(payloadBytes);
  if (header === undefined || payload === undefined || signature === undefined)
    throw tokenInvalid('malformed');
  const signedBytes = Buffer.from(token.slice(0, token.lastIndexOf('.')), 'latin1');
  return { header, payload, signature, signedBytes };
}

function decodeSegment(segment: string): Buffer | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  return bytes.length > 0 && bytes.toString('base64url') === segment ? bytes : undefined;
}

/** No extension is understood here, so a critical one refuses the token (RFC 7515 §4.1.11). */
function assertHeader({ alg, crit }: JwtHeader, { algorithms }: Checks): string {
  if (typeof alg !== 'string' || !algorithms.has(alg)) throw tokenInvalid('algorithm');
  if (crit !== undefined) throw tokenInvalid('critical-header');
  return alg;
}

/** `typ` is a media type: its case and the prefix `application/` mean nothing (RFC 7515 §4.1.9). */
function assertType({ typ }: JwtHeader, { type }: Checks): void {
  if (type === undefined) return;
  if (typeof typ !== 'string' || typ.toLowerCase().replace(/^application\//, '') !== type)
    throw tokenInvalid('type');
}

function assertClaims(claims: JwtClaims, checks: Checks): void {
  const { issuer, audiences, nowSeconds, clockToleranceSeconds: tolerance } = checks;
  if (issuer !== undefined && claims['iss'] !== issuer) throw tokenInvalid('issuer');
  if (audiences !== undefined && !isMeantFor(claims['aud'], audiences)) throw tokenInvalid('audience');
  if (checks.requiredClaims.some((name) => !Object.hasOwn(claims, name))) throw tokenInvalid('claim');
  const { exp, nbf = 0 } = claims;
  if (typeof nbf !== 'number' || (exp !== undefined && typeof exp !== 'number')) throw tokenInvalid('claim');
  if (nbf > nowSeconds + tolerance) throw tokenInvalid('not-yet-valid');
  if (exp !== undefined && exp <= nowSeconds - tolerance) throw tokenInvalid('expired');
}

function isMeantFor(given: unknown, audiences: readonly string[]): boolean {
  const named: readonly unknown[] = Array.isArray(given) ? given : [given];
  return audiences.some((audience) => named.includes(audience));
}

export async function findKey(keys: KeySource, header: JwtHeader): Promise<KeyObject> {
  const { kid, alg } = header;
  if (typeof kid !== 'string') throw tokenInvalid('unknown-key');
  const found = await keys.find(kid);
  if (found === undefined) throw tokenInvalid('unknown-key');
  if (found.algorithm !== alg) throw tokenInvalid('algorithm');
  return found.key;
}

import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { isRecord } from '@flotilla/kernel';

/** A public key together with the one algorithm it may be used with. */
export interface VerificationKey {
  readonly algorithm: string;
  readonly key: KeyObject;
}

/** Finds the key a token names; `undefined` when there is no such key. */
export interface KeySource {
  find(kid: string): Promise<VerificationKey | undefined>;
}

export interface KeySet {
  readonly keys: ReadonlyMap<string, VerificationKey>;
  /** Entries that were left out, each with a reason, to be logged. */
  readonly refused: readonly string[];
}

const MAX_KEYS = 100;
const MAX_TEXT = 16_384;
const MIN_RSA_BITS = 2048;
const MIN_RSA_EXPONENT = 65_537n;
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const;
const EC_ALGORITHMS: ReadonlyMap<unknown, string> = new Map([
  ['P-256', 'ES256'],
  ['P-384', 'ES384'],
  ['P-521', 'ES512'],
]);
const RSA_ALGORITHMS: ReadonlySet<unknown> = new Set(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']);

/**
 * Reads a JWKS. Throws `TypeError` when it is not one, is larger than 100 keys or holds no usable key.
 * Keys with private parts, weak keys, symmetric keys and encryption keys are left out.
 */
export function parseKeySet(input: unknown): KeySet {
  if (!isRecord(input) || !Array.isArray(input['keys'])) throw new TypeError('not a JSON Web Key Set');
  const entries: readonly unknown[] = input['keys'];
  if (entries.length > MAX_KEYS) throw new TypeError(`a key set of ${entries.length} keys is too large`);
  const keys = new Map<string, VerificationKey>();
  const refused: string[] = [];
  entries.forEach((entry, position) => {
    const parsed = parseKey(entry);
    if (typeof parsed === 'string') refused.push(`key ${position}: ${parsed}`);
    else keys.set(parsed.kid, parsed.key);
  });
  if (keys.size === 0)
    throw new TypeError(`the key set holds no usable key${refused.map((why) => `; ${why}`).join('')}`);
  return { keys, refused };
}

function parseKey(entry: unknown): { readonly kid: string; readonly key: VerificationKey } | string {
  if (!isRecord(entry)) return 'is not an object';
  const kid = entry['kid'];
  if (typeof kid !== 'string' || kid === '') return 'has no kid';
  if (SECRET_MEMBERS.some((member) => Object.hasOwn(entry, member))) return 'contains secret parts';
  if (entry['use'] !== undefined && entry['use'] !== 'sig') return 'is not for signatures';
  if (Object.values(entry).some((value) => typeof value === 'string' && value.length > MAX_TEXT))
    return 'is too large';
  const algorithm = algorithmOf(entry);
  if (algorithm === undefined) return 'is of no supported type';
  const key = importKey(entry);
  if (key === undefined) return 'cannot be read';
  return isWeak(key) ? 'is too weak' : { kid, key: { algorithm, key } };
}

function algorithmOf(entry: Record<string, unknown>): string | undefined {
  const { kty, crv, alg } = entry;
  if (kty === 'RSA') {
    const named = alg ?? 'RS256';
    return typeof named === 'string' && RSA_ALGORITHMS.has(named) ? named : undefined;
  }
  const implied =
    kty === 'EC' ? EC_ALGORITHMS.get(crv) : kty === 'OKP' && crv === 'Ed25519' ? 'EdDSA' : undefined;
  return alg === undefined || alg === implied ? implied : undefined;
}

function importKey(entry: Record<string, unknown>): KeyObject | undefined {
  try {
    return createPublicKey({ key: entry as JsonWebKey, format: 'jwk' });
  } catch {
    return undefined; // the caller reports the entry as unreadable
  }
}

function isWeak(key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa') return false;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  return modulusLength < MIN_RSA_BITS || publicExponent < MIN_RSA_EXPONENT;
}

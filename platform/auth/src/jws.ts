import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto';

interface Algorithm {
  /** As `KeyObject` names it: OpenSSL would check an RSA signature whatever the algorithm is called. */
  readonly keyType: string | undefined;
  verify(key: KeyObject, input: Buffer, signature: Buffer): boolean;
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

/**
 * How a signature of each algorithm is checked (RFC 7518 §3, RFC 8037). On this thread: what the thread pool would
 * save is less than what the way there and back costs.
 */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ...['256', '384', '512'].flatMap((bits) => withHash(bits)),
  ['EdDSA', { keyType: 'ed25519', verify: (key, input, signature) => verify(null, input, key, signature) }],
]);

function withHash(bits: string): [string, Algorithm][] {
  const hash = `sha${bits}`;
  const ieee = { dsaEncoding: 'ieee-p1363' } as const;
  return [
    [`ES${bits}`, { keyType: 'ec', verify: (key, input, sig) => verify(hash, input, { key, ...ieee }, sig) }],
    [`RS${bits}`, { keyType: 'rsa', verify: (key, input, sig) => verify(hash, input, key, sig) }],
    [`PS${bits}`, { keyType: 'rsa', verify: (key, input, sig) => verify(hash, input, { key, ...PSS }, sig) }],
    [`HS${bits}`, { keyType: undefined, verify: (key, input, sig) => isSame(hmac(hash, key, input), sig) }],
  ];
}

/** The key must be one that was made for `algorithm`; which that may be is the caller's to decide, never the token's. */
export function isSignedBy(key: KeyObject, algorithm: string, input: Buffer, signature: Buffer): boolean {
  const known = ALGORITHMS.get(algorithm);
  if (known === undefined || key.asymmetricKeyType !== known.keyType) return false;
  try {
    return known.verify(key, input, signature);
  } catch {
    return false; // OpenSSL could make nothing of the signature
  }
}

function hmac(hash: string, key: KeyObject, input: Buffer): Buffer {
  return createHmac(hash, key).update(input).digest();
}

function isSame(expected: Buffer, given: Buffer): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}

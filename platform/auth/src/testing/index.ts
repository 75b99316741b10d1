import { generateKeyPairSync, type JsonWebKey, randomUUID, sign } from 'node:crypto';
import type { KeySource } from '../key-set.ts';
import { createStaticKeys } from '../remote-keys.ts';
import { createTokenVerifier, type VerifyToken } from '../token-verifier.ts';

export interface TestIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: KeySource;
  readonly jwks: { readonly keys: readonly JsonWebKey[] };
  readonly verify: VerifyToken;
  /** A valid access token for 15 minutes; `claims` are added or replace, `undefined` removes. */
  sign(
    claims?: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
}

/** An issuer with a fresh ES256 key, in memory. */
export function createTestIssuer({
  issuer = 'http://issuer.test/identity',
  audience = 'flotilla',
} = {}): TestIssuer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomUUID();
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] };
  const keys = createStaticKeys(jwks);
  return {
    issuer,
    audience,
    keys,
    jwks,
    verify: createTokenVerifier({ issuer, audience, algorithms: ['ES256'], keys }),
    sign: async (claims = {}, header = {}) => {
      const iat = Math.floor(Date.now() / 1000);
      const defaults = { iss: issuer, aud: audience, sub: 'user-1', iat, exp: iat + 900, jti: randomUUID() };
      const input = [
        { alg: 'ES256', typ: 'at+jwt', kid, ...header },
        { ...defaults, ...claims },
      ]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${input}.${signature.toString('base64url')}`;
    },
  };
}

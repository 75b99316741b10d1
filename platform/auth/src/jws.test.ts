import assert from 'node:assert/strict';
import { constants, createHmac, createSecretKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { isSignedBy } from './jws.ts';

const input = Buffer.from('header.payload');
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const curves = { 256: 'P-256', 384: 'P-384', 512: 'P-521' };

describe('signatures', () => {
  for (const bits of [256, 384, 512] as const) {
    const hash = `sha${bits}`;
    it(`of ES${bits}, RS${bits}, PS${bits} and HS${bits} are good for their own algorithm only`, () => {
      const ec = generateKeyPairSync('ec', { namedCurve: curves[bits] });
      const secret = createSecretKey(randomBytes(64));
      const cases = [
        ['ES', ec.publicKey, sign(hash, input, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' })],
        ['RS', rsa.publicKey, sign(hash, input, rsa.privateKey)],
        ['PS', rsa.publicKey, sign(hash, input, { key: rsa.privateKey, ...pss })],
        ['HS', secret, createHmac(hash, secret).update(input).digest()],
      ] as const;
      for (const [kind, key, signature] of cases) {
        assert.equal(isSignedBy(key, `${kind}${bits}`, input, signature), true, kind);
        assert.equal(isSignedBy(key, `${kind}${bits}`, Buffer.from('header.payloae'), signature), false);
        for (const [other] of cases.filter(([one]) => one !== kind))
          assert.equal(isSignedBy(key, `${other}${bits}`, input, signature), false, `${kind} as ${other}`);
        for (const broken of [signature.subarray(1), Buffer.concat([signature, signature]), Buffer.alloc(1)])
          assert.equal(isSignedBy(key, `${kind}${bits}`, input, broken), false);
      }
    });
  }

  it('of Ed25519 are good, and none of an unknown algorithm is', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const signature = sign(null, input, privateKey);
    assert.equal(isSignedBy(publicKey, 'EdDSA', input, signature), true);
    for (const name of ['none', 'ES257', '', 'constructor'])
      assert.equal(isSignedBy(publicKey, name, input, signature), false);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { base32, codeOf, enrolmentUri, findStep, fromBase32, stepAt } from './totp.ts';

const secret = Buffer.from('12345678901234567890');

describe('codes of authenticator apps', () => {
  it('are those of RFC 6238, appendix B', () => {
    for (const [seconds, code] of [
      [59, '287082'],
      [1_111_111_109, '081804'],
      [1_111_111_111, '050471'],
      [1_234_567_890, '005924'],
      [2_000_000_000, '279037'],
      [20_000_000_000, '353130'],
    ] as const)
      assert.equal(codeOf(secret, stepAt(seconds * 1_000)), code);
  });

  it('count for their half minute, the one before and the one after, each once', () => {
    const now = 1_000_000_000_000;
    const step = stepAt(now);
    for (const off of [-2, -1, 0, 1, 2]) {
      const found = findStep(secret, codeOf(secret, step + off), now, 0);
      assert.equal(found, Math.abs(off) <= 1 ? step + off : undefined);
    }
    assert.equal(findStep(secret, codeOf(secret, step), now, step), undefined);
    assert.equal(findStep(secret, codeOf(secret, step - 1), now, step), undefined);
    assert.equal(findStep(secret, codeOf(secret, step + 1), now, step), step + 1);
    assert.equal(findStep(secret, ` ${codeOf(secret, step).replace(/(...)/, '$1 ')}`, now, 0), step);
    for (const wrong of ['', '12345', '1234567', 'abcdef'])
      assert.equal(findStep(secret, wrong, now, 0), undefined);
  });

  it('come of a secret that apps can read', () => {
    assert.equal(base32(Buffer.from('foobar')), 'MZXW6YTBOI');
    assert.equal(base32(Buffer.from('f')), 'MY');
    assert.deepEqual(fromBase32(base32(secret)), secret);
    assert.equal(
      enrolmentUri(secret, 'a+b@example.com'),
      'otpauth://totp/Flotilla%3Aa%2Bb%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Flotilla',
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findWeakness } from './password-policy.ts';

const person = { email: 'Margaret.H@example.com', name: 'Margaret Hamilton' };

describe('the password policy', () => {
  it('asks for eight characters and nothing about their kind', () => {
    assert.equal(findWeakness('sevenxx', person), 'too-short');
    assert.equal(findWeakness('eightxyz', person), undefined);
    assert.equal(findWeakness('  spaces count as well ', person), undefined);
  });

  it('counts characters, not code units', () => {
    assert.equal(findWeakness('🚢🚢🚢🚢', person), 'too-short');
    assert.equal(findWeakness('🚢⚓🐋🌊⛵🦑🐙🦀', person), undefined);
  });

  it('refuses what attackers try first, in any case', () => {
    for (const common of ['password', 'Password1', '12345678', 'QWERTYUIOP', 'aaaaaaaaaa'])
      assert.equal(findWeakness(common, person), 'common', common);
  });

  it('refuses the address, its local part and the name', () => {
    for (const personal of ['margaret.h@EXAMPLE.com', 'margaret.h', 'margaret hamilton'])
      assert.equal(findWeakness(personal, person), 'personal', personal);
  });

  it('takes a long passphrase, and one that only contains the name', () => {
    assert.equal(findWeakness('correct horse battery staple '.repeat(4), person), undefined);
    assert.equal(findWeakness('alice-password', { email: 'alice@example.com', name: 'Alice' }), undefined);
  });
});

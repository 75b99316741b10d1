import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCommonPasswords } from '../passwords/common-passwords.ts';
import { findWeakness } from './password-policy.ts';

const person = { email: 'Margaret.H@example.com', name: 'Margaret Hamilton' };

const common = await createCommonPasswords()();

describe('the password policy', () => {
  it('asks for eight characters and nothing about their kind', () => {
    assert.equal(findWeakness('sevenxx', person, common), 'too-short');
    assert.equal(findWeakness('eightxyz', person, common), undefined);
    assert.equal(findWeakness('  spaces count as well ', person, common), undefined);
  });

  it('counts characters, not code units', () => {
    assert.equal(findWeakness('🚢🚢🚢🚢', person, common), 'too-short');
    assert.equal(findWeakness('🚢⚓🐋🌊⛵🦑🐙🦀', person, common), undefined);
  });

  it('refuses what attackers try first, in any case', () => {
    for (const known of [
      'password',
      'Password1',
      '12345678',
      'QWERTYUIOP',
      'letmein123',
      'p@ssword',
      'Flotilla',
    ])
      assert.equal(findWeakness(known, person, common), 'common', known);
    assert.ok(common.size > 17_000, `only ${common.size} are known`);
  });

  it('refuses one short piece over and over, and a sequence', () => {
    for (const easy of [
      'aaaaaaaaaa',
      '12341234',
      '123123123',
      'abcdefgh',
      '0123456789',
      '0987654321',
      'zyxwvuts',
    ])
      assert.equal(findWeakness(easy, person, common), 'common', easy);
    for (const fine of ['abcdefgx', 'horsehorse', '12345079'])
      assert.equal(findWeakness(fine, person, common), undefined, fine);
  });

  it('refuses the address, its local part and the name', () => {
    for (const personal of ['margaret.h@EXAMPLE.com', 'margaret.h', 'margaret hamilton'])
      assert.equal(findWeakness(personal, person, common), 'personal', personal);
  });

  it('takes a long passphrase, and one that only contains the name', () => {
    assert.equal(findWeakness('correct horse battery staple '.repeat(4), person, common), undefined);
    assert.equal(
      findWeakness('alice-password', { email: 'alice@example.com', name: 'Alice' }, common),
      undefined,
    );
  });
});

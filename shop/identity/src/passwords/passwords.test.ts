import assert from 'node:assert/strict';
import { argon2Sync } from 'node:crypto';
import { describe, it } from 'node:test';
import { createPasswords } from './passwords.ts';

const passwords = createPasswords();

describe('password hashes', () => {
  it('are argon2id in PHC format at the cost OWASP asks for, each with its own salt', async () => {
    const [one, two] = await Promise.all([passwords.hash('same'), passwords.hash('same')]);
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.notEqual(one, two);
  });

  it('match their password and no other', async () => {
    const phc = await passwords.hash('correct horse');
    assert.equal(await passwords.verify('correct horse', phc), true);
    assert.equal(await passwords.verify('correct horsf', phc), false);
    assert.equal(await passwords.verify('', phc), false);
  });

  it('tell apart what cut or folded passwords would confuse', async () => {
    const long = 'x'.repeat(200);
    assert.equal(await passwords.verify(`${long}y`, await passwords.hash(`${long}z`)), false);
    assert.equal(await passwords.verify('nul\0one', await passwords.hash('nul\0two')), false);
    assert.equal(await passwords.verify(' lead', await passwords.hash('lead')), false);
  });

  it('keep the cost they were made with', async () => {
    const salt = Buffer.alloc(16, 7);
    const cost = { memory: 64, passes: 3, parallelism: 1 };
    const tag = argon2Sync('argon2id', { message: 'old', nonce: salt, tagLength: 32, ...cost });
    const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
    const phc = `$argon2id$v=19$m=64,t=3,p=1$${unpadded(salt)}$${unpadded(tag)}`;
    assert.equal(await passwords.verify('old', phc), true);
  });

  it('have a decoy that costs the same and matches nothing', async () => {
    const [cost, decoyCost] = [await passwords.hash('x'), passwords.decoy()].map((phc) => phc.split('$')[3]);
    assert.equal(decoyCost, cost);
    assert.equal(await passwords.verify('x', passwords.decoy()), false);
  });

  it('are refused when they are something else', async () => {
    await assert.rejects(passwords.verify('x', 'plaintext'), { code: 'IDENTITY_HASH_UNREADABLE' });
  });
});

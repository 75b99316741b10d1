import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { createSeal } from './seal.ts';

const broken = (context: string) => new Error(`broken: ${context}`);

it('opens what was sealed, with its key, at its place, unchanged, and nothing else', () => {
  const seal = createSeal(randomBytes(32), broken);
  const secret = Buffer.from('a secret');
  const sealed = seal.seal(secret, 'row 1');
  assert.deepEqual(seal.open(sealed, 'row 1'), secret);
  assert.ok(!sealed.includes(secret));
  assert.notDeepEqual(seal.seal(secret, 'row 1'), sealed);
  assert.throws(() => seal.open(sealed, 'row 2'), broken('row 2'));
  assert.throws(() => createSeal(randomBytes(32), broken).open(sealed, 'row 1'), broken('row 1'));
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.throws(() => seal.open(changed, 'row 1'), broken('row 1'));
    assert.throws(() => seal.open(sealed.subarray(0, at), 'row 1'), broken('row 1'));
  }
  assert.throws(() => createSeal(randomBytes(16), broken), RangeError);
});

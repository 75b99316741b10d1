import assert from 'node:assert/strict';
import { it } from 'node:test';
import { didYouMean } from './did-you-mean.ts';

const known = ['up', 'ps', 'logs', 'restart', 'down'];

it('a mistyped name is answered with the one that was probably meant', () => {
  assert.equal(didYouMean('lgos', known), 'logs');
  assert.equal(didYouMean('restrat', known), 'restart');
  assert.equal(didYouMean('pss', known), 'ps');
  assert.equal(didYouMean('dwon', known), 'down');
  assert.equal(didYouMean('LOGS', known), 'logs', 'in any case');
});

it('a name that is like none is answered with none', () => {
  assert.equal(didYouMean('deploy', known), undefined);
  assert.equal(didYouMean('abcd', ['dcba']), undefined, 'one swap is a slip, more are another word');
  assert.equal(didYouMean('up', []), undefined);
});

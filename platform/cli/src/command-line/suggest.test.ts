import assert from 'node:assert/strict';
import { it } from 'node:test';
import { suggest } from './suggest.ts';

it('a mistyped command is answered with the one that was probably meant', () => {
  const known = ['up', 'ps', 'logs', 'restart', 'down'];
  assert.equal(suggest('lgos', known), 'logs');
  assert.equal(suggest('restrat', known), 'restart');
  assert.equal(suggest('pss', known), 'ps');
  assert.equal(suggest('dwon', known), 'down');
  assert.equal(suggest('deploy', known), undefined);
});

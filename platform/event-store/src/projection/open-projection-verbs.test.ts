import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openProjectionVerbs } from './open-projection-verbs.ts';
import type { GenerationStatus } from './projection-status.ts';

const active: GenerationStatus = {
  ...{
    name: 'orders',
    inline: false,
    generation: 2,
    version: 1,
    state: 'active',
    lagEvents: 0,
    lagSeconds: 0,
  },
  ...{ isHalted: false, isWaiting: false, attempts: 0, crashes: 0 },
  ...{ error: null, failedEvent: null, failedPosition: null },
};
const held = { failedEvent: 'order-7@3', failedPosition: '12', error: 'boom' };
const verbs = (...generations: readonly GenerationStatus[]) =>
  openProjectionVerbs(generations).map(({ verb }) => verb);

describe('what is open for a projection', () => {
  it('is nothing for one that nobody has', () => {
    assert.deepEqual(verbs(), []);
  });

  it('is to build it anew while all is well, and to go back where a generation is kept', () => {
    assert.deepEqual(verbs(active), ['rebuild']);
    assert.deepEqual(verbs(active, { ...active, generation: 1, state: 'retired' }), ['rebuild', 'rollback']);
  });

  it('is to give up a build, but not the first one', () => {
    const building: GenerationStatus = { ...active, generation: 3, state: 'building' };
    assert.deepEqual(verbs(active, building), ['rollback']);
    assert.deepEqual(verbs(building), []);
  });

  it('is to try again or leave out an event that it halts at; one that it waits with can only be left out', () => {
    assert.deepEqual(verbs({ ...active, ...held, isHalted: true }), ['resume', 'skip', 'rebuild']);
    assert.deepEqual(verbs({ ...active, ...held, isWaiting: true }), ['skip', 'rebuild']);
    const [resume] = openProjectionVerbs([{ ...active, ...held, isHalted: true }]);
    assert.match(resume?.consequence ?? '', /order-7@3/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFairPlaces, type FairPlaces } from './fair-places.ts';

/** Takes as many places as a key may have. */
function fill(places: FairPlaces, key: string): number {
  let taken = 0;
  for (; places.room(key) > 0; taken += 1) places.take(key);
  return taken;
}

describe('places that are shared fairly', () => {
  it('leave room for a key that comes, however much the others want', () => {
    const places = createFairPlaces(32);
    assert.equal(fill(places, 'alice'), 16);
    assert.equal(places.room('alice'), 0);
    assert.ok(places.room('bob') > 0);
    assert.ok(fill(places, 'bob') >= 10);
    assert.ok(places.free() > 0);
    assert.ok(places.room('carol') > 0);
  });

  it('give what is left by a key above its share to others, not to it', () => {
    const places = createFairPlaces(4);
    for (let n = 0; n < 4; n += 1) places.take('alice');
    assert.equal(places.room('bob'), 0);
    places.leave('alice');
    assert.deepEqual([places.room('alice'), places.room('bob')], [0, 1]);
    assert.deepEqual(places.rooms(), { keys: ['alice'], places: [0], ofOthers: 1 });
  });

  it('let every key have one, and work without a key all that is free', () => {
    const places = createFairPlaces(3);
    for (const key of ['a', 'b', 'c']) assert.equal(fill(places, key), 1);
    assert.deepEqual([places.free(), places.room('d'), places.room(undefined)], [0, 0, 0]);
    places.leave('b');
    assert.deepEqual([places.room('d'), places.room('a'), places.room(undefined)], [1, 0, 1]);
    places.take(undefined);
    places.leave(undefined);
    assert.equal(places.free(), 1);
  });
});

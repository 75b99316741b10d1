import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { consumerModel } from './consumer-model.ts';
import { explore, startingAfter } from './explore.ts';

const BOUNDS = { consumers: 2, bus: [1, 2, 3], batch: 1, takes: 1, failures: 1 };
/** How far it may have come when the interleavings begin: the longer ones are too many to begin from the start. */
const BEGINNINGS = {
  'the start': [],
  'a shard that changed hands': ['A fetches', 'A is late with question 1', 'B claims', 'B fetches'],
  'a shard that came back': [
    ...['A fetches', 'A is late with question 1', 'B claims', 'B fetches', 'B sets a suspect aside'],
    ...['B is late with question 1', 'A claims', 'A fetches'],
  ],
};

describe('a model of consumers that take a shard from each other', () => {
  for (const [name, steps] of Object.entries(BEGINNINGS)) {
    it(`handles a key in order, each message once, in all interleavings of ten steps from ${name} on`, () => {
      const { states, fault } = explore(startingAfter(consumerModel(BOUNDS), steps), 10);
      assert.equal(fault, undefined);
      assert.ok(states > 10_000, `${states} states`);
    });
  }

  it('does so with three consumers, and with messages that the relay sent twice', () => {
    const hand = BEGINNINGS['a shard that changed hands'];
    const three = startingAfter(consumerModel({ ...BOUNDS, consumers: 3, takes: 2, failures: 0 }), hand);
    const twice = startingAfter(consumerModel({ ...BOUNDS, bus: [1, 2, 1, 2, 3], batch: 2 }), hand);
    for (const model of [three, twice]) assert.equal(explore(model, 8).fault, undefined);
  });

  it('loses messages when it asks twice whether a delivery is still its own', () => {
    const { fault } = explore(consumerModel({ ...BOUNDS, faults: { asksTwice: true } }), 10);
    assert.deepEqual(fault, {
      what: 'something is held and never handled',
      way: ['A fetches', 'A is late with question 2'],
    });
  });

  it('overtakes when it does not look whether the key is held, or lets it go too early', () => {
    const start = BEGINNINGS['a shard that changed hands'];
    for (const faults of [{ looksAtNoHeldKey: true }, { letsGoTooEarly: true }]) {
      const { fault } = explore(startingAfter(consumerModel({ ...BOUNDS, faults }), start), 10);
      assert.match(fault?.what ?? '', /^handled \d/);
    }
  });
});

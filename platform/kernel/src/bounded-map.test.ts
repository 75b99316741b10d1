import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BoundedMap } from './bounded-map.ts';

/** The keys of a map of at most `max` after an operation, the youngest last. */
const MODEL = {
  set: (keys: readonly number[], key: number, max: number) => [...without(keys, key), key].slice(-max),
  renew: (keys: readonly number[], key: number) => (keys.includes(key) ? [...without(keys, key), key] : keys),
  delete: (keys: readonly number[], key: number) => without(keys, key),
  clear: () => [],
} as const;

function without(keys: readonly number[], key: number): readonly number[] {
  return keys.filter((one) => one !== key);
}

const operation = fc.record({
  kind: fc.constantFrom('set', 'renew', 'delete', 'clear'),
  key: fc.integer({ min: 0, max: 12 }),
});

describe('a bounded map', () => {
  it('drops what was set or renewed longest ago, whatever happened before', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), fc.integer({ min: 1, max: 6 }), (done, max) => {
        const map = new BoundedMap<number, string>(max);
        let keys: readonly number[] = [];
        for (const { kind, key } of done) {
          map[kind](key, `value of ${key}`);
          keys = MODEL[kind](keys, key, max);
          assert.deepEqual(
            [...map],
            keys.map((one) => [one, `value of ${one}`]),
          );
        }
      }),
    );
  });

  it('tells what it holds when that is renewed', () => {
    const map = new BoundedMap<string, number>(1).set('a', 1);
    assert.deepEqual([map.renew('a'), map.renew('b'), map.size], [1, undefined, 1]);
  });

  it('is in order after it has grown and dropped a great deal', () => {
    const map = new BoundedMap<string, number>(1_000);
    for (let n = 0; n < 10_000; n += 1) map.set(`k${n}`, n);
    assert.deepEqual([map.size, map.keys().next().value], [1_000, 'k9000']);
    map.renew('k9000');
    map.set('one more', 0);
    assert.deepEqual([map.has('k9000'), map.has('k9001')], [true, false]);
  });
});

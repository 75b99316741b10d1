import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changesOfMerge, readLines, withQuantity } from './guest-cart.ts';

const line = (productId: string, quantity: number) => ({ productId, quantity });

describe('the cart of a guest', () => {
  it('is what the browser has kept, without what makes no sense', () => {
    const kept = [
      line('a', 2),
      { ...line('b', 1), price: 0 },
      ...[
        line('', 1),
        line('../x', 1),
        line('c', 0),
        line('c', 1.5),
        line('c', 1_001),
        null,
        'x',
        { productId: 'c' },
      ],
    ];
    assert.deepEqual(readLines(JSON.stringify(kept)), [line('a', 2), line('b', 1)]);
    for (const text of [null, '', '{', '{}', '"a"', 'null']) assert.deepEqual(readLines(text), []);
    assert.equal(
      readLines(JSON.stringify(Array.from({ length: 60 }, (_, id) => line(`p${id}`, 1)))).length,
      50,
    );
    assert.deepEqual(readLines(JSON.stringify([line('a', 1), line('a', 3)])), [line('a', 3)]);
  });

  it('changes line by line', () => {
    const lines = [line('a', 1), line('b', 2)];
    assert.deepEqual(withQuantity(lines, 'c', 3), [...lines, line('c', 3)]);
    assert.deepEqual(withQuantity(lines, 'a', 5), [line('a', 5), line('b', 2)]);
    assert.deepEqual(withQuantity(lines, 'a', 0), [line('b', 2)]);
    assert.deepEqual(withQuantity(lines, 'b', 5_000)[1], line('b', 1_000));
  });

  it('is taken over by the larger quantity: twice is the same as once', () => {
    const guest = [line('a', 2), line('b', 1), line('c', 1)];
    const account = [line('a', 1), line('b', 4)];
    const changes = changesOfMerge(guest, account);
    assert.deepEqual(changes, [line('a', 2), line('c', 1)]);
    const merged = changes.reduce(
      (lines, { productId, quantity }) => [...withQuantity(lines, productId, quantity)],
      account,
    );
    assert.deepEqual(merged, [line('a', 2), line('b', 4), line('c', 1)]);
    assert.deepEqual(changesOfMerge(guest, merged), []);
  });
});

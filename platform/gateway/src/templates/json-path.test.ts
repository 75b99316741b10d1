import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseJsonPath, select } from './json-path.ts';

const SHOP = {
  orders: [
    { id: 1, user: { id: 7 }, lines: [{ sku: 'a' }, { sku: 'b' }] },
    { id: 2, user: { id: 8 }, lines: [{ sku: 'a' }] },
  ],
  'odd name': { __proto__x: true },
};

function at(path: string): readonly unknown[] {
  const parsed = parseJsonPath(path);
  assert.ok(parsed !== undefined, `${path} should be a path`);
  return select(SHOP, parsed);
}

describe('JSONPath', () => {
  it('selects by name, position and depth, in document order', () => {
    assert.deepEqual(at('$'), [SHOP]);
    assert.deepEqual(at('$.orders[0].id'), [1]);
    assert.deepEqual(at('$.orders[-1].id'), [2]);
    assert.deepEqual(at('$.orders[*].user.id'), [7, 8]);
    assert.deepEqual(at('$.orders.*.id'), [1, 2]);
    assert.deepEqual(at("$['orders'][1]['user'][\"id\"]"), [8]);
    assert.deepEqual(at('$..sku'), ['a', 'b', 'a']);
    assert.deepEqual(at('$.orders[*]..id'), [1, 7, 2, 8]);
    assert.deepEqual(at("$['odd name']..*"), [true]);
  });

  it('selects nothing where there is nothing, not even what every object inherits', () => {
    for (const path of [
      '$.none',
      '$.orders[9]',
      '$.orders[-3]',
      '$.orders.id',
      '$.toString',
      '$.orders.length',
    ])
      assert.deepEqual(at(path), [], path);
  });

  it('refuses what it does not know instead of guessing', () => {
    for (const path of [
      '',
      'orders',
      '$.',
      '$..',
      '$[',
      '$.orders[?(@.id)]',
      '$.orders[0:1]',
      '$.a b[',
      '$[1,2]',
    ])
      assert.equal(parseJsonPath(path), undefined, path);
  });
});

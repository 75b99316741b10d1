import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { columnsOf, crossings, type Pair, place } from './map-layout.ts';

describe('the layout of a map', () => {
  it('puts who calls to the left of who is called', () => {
    const calls: Pair[] = [
      ['gateway', 'order'],
      ['order', 'inventory'],
      ['gateway', 'inventory'],
    ];
    assert.deepEqual(columnsOf(['inventory', 'order', 'gateway', 'mail'], calls), [
      ['gateway', 'mail'],
      ['order'],
      ['inventory'],
    ]);
  });

  it('comes to an end with circles, calls of oneself and services that nobody knows', () => {
    const columns = columnsOf(
      ['a', 'b'],
      [
        ['a', 'b'],
        ['b', 'a'],
        ['a', 'a'],
        ['a', 'elsewhere'],
      ],
    );
    assert.deepEqual(columns.flat().sort(), ['a', 'b']);
  });

  it('untangles what it can', () => {
    const calls: Pair[] = [
      ['a', 'z'],
      ['b', 'y'],
      ['c', 'x'],
    ];
    const names = ['a', 'b', 'c', 'x', 'y', 'z'];
    assert.equal(crossings([names.slice(0, 3), names.slice(3)], calls), 3);
    assert.equal(crossings(columnsOf(names, calls), calls), 0);
  });

  it('leaves room for each and keeps all within the map', () => {
    const { places, height } = place([['a'], ['b', 'c', 'd']], 500, { width: 100, height: 40 });
    const all = [...places.values()];
    assert.ok(all.every(({ x, y }) => x >= 0 && x + 100 <= 500 && y >= 0 && y + 40 <= height));
    assert.equal(places.get('a')?.y, places.get('c')?.y);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as s from '@flotilla/kernel/schema';
import { createProjection } from './projection.ts';

const money = s.object({ amountMinor: s.integer(), currency: s.string() });

test('what is not declared is left out, at every level', () => {
  const project = createProjection(
    s.object({
      id: s.string(),
      total: money,
      lines: s.array(s.object({ sku: s.string() })),
      prices: s.record(money),
      owner: s.nullable(s.object({ name: s.string() })),
      note: s.optional(s.string()),
      raw: s.anything(),
    }),
  );
  const price = { amountMinor: 1, currency: 'EUR' };
  const declared = {
    id: 'a',
    total: price,
    lines: [{ sku: 'x' }],
    prices: { x: price },
    owner: { name: 'n' },
    raw: { any: ['thing'] },
  };
  const held = {
    ...declared,
    password: 'p',
    total: { ...price, cost: 1 },
    lines: [{ sku: 'x', margin: 2 }],
    prices: { x: { ...price, cost: 1 } },
    owner: { name: 'n', email: 'e' },
    note: undefined,
  };
  assert.deepEqual(project(held), declared);
  assert.deepEqual(project({ ...held, owner: null }), { ...declared, owner: null });
});

test('accessors of a class are read like properties', () => {
  class Row {
    readonly id = 'a';
    readonly secret = 's';
    get label() {
      return `label of ${this.id}`;
    }
  }
  assert.deepEqual(createProjection(s.object({ id: s.string(), label: s.string() }))(new Row()), {
    id: 'a',
    label: 'label of a',
  });
});

test('an open object is passed on whole', () => {
  const held = { any: 1, thing: 2 };
  assert.equal(createProjection(s.anything())(held), held);
  assert.equal(createProjection(s.tolerant(money))(held), held);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as s from './schema.ts';
import { createValidator } from './validator.ts';

const order = s.object({
  id: s.string({ maxLength: 3 }),
  lines: s.array(s.object({ quantity: s.integer({ minimum: 1 }) }), { minItems: 1 }),
  note: s.optional(s.string()),
});

describe('a validator', () => {
  it('returns the value when it matches', () => {
    const value = { id: 'a', lines: [{ quantity: 1 }] };
    assert.deepEqual(createValidator(order)(value), { ok: true, value });
  });

  it('reports every issue with its path and never repeats a value', () => {
    const checked = createValidator(order)({
      id: 'secret',
      lines: [{ quantity: 0 }, { quantity: 1.5, price: 1 }],
    });
    assert.ok(!checked.ok);
    assert.deepEqual(checked.rejection.map((issue) => issue.path).sort(), [
      '/id',
      '/lines/0/quantity',
      '/lines/1/price',
      '/lines/1/quantity',
    ]);
    assert.doesNotMatch(JSON.stringify(checked.rejection), /secret/);
  });

  it('names missing properties', () => {
    assert.deepEqual(createValidator(order)({ lines: [{ quantity: 1 }] }), {
      ok: false,
      rejection: [{ path: '/id', message: 'is required' }],
    });
  });

  it('reports at most 20 issues', () => {
    const checked = createValidator(order)({
      id: 'a',
      lines: Array.from({ length: 100 }, () => ({ quantity: 0 })),
    });
    assert.ok(!checked.ok);
    assert.equal(checked.rejection.length, 20);
  });

  it('turns text into numbers only when asked to', () => {
    const query = s.object({ limit: s.integer() });
    assert.deepEqual(createValidator(query, { coerce: true })({ limit: '5' }), {
      ok: true,
      value: { limit: 5 },
    });
    assert.equal(createValidator(query)({ limit: '5' }).ok, false);
  });

  it('reads texts as JSON writes numbers and booleans, and no other way', () => {
    const query = s.object({
      n: s.integer(),
      on: s.optional(s.boolean()),
      ids: s.optional(s.array(s.integer())),
    });
    const read = createValidator(query, { coerce: true });
    for (const n of ['1e2', ' 1', '1 ', '5.0', '0x10', '', '01', '+1', 'Infinity'])
      assert.equal(read({ n }).ok, false, JSON.stringify(n));
    assert.equal(read({ n: ['1', '2'] }).ok, false);
    assert.equal(read({ n: '1', on: '1' }).ok, false);
    assert.deepEqual(read({ n: '-7', on: 'false', ids: '3' }), {
      ok: true,
      value: { n: -7, on: false, ids: [3] },
    });
    assert.deepEqual(read({ n: '0', ids: ['3', '4'] }), { ok: true, value: { n: 0, ids: [3, 4] } });
  });

  it('a literal has the type of its value, and a name survives being relaxed and made optional', () => {
    assert.deepEqual(s.literal('Bearer'), { type: 'string', const: 'Bearer' });
    assert.deepEqual(s.literal(1), { type: 'integer', const: 1 });
    assert.deepEqual(s.literal(true), { type: 'boolean', const: true });
    assert.equal(s.nameOf(s.optional(s.tolerant(s.named('Order', order)))), 'Order');
    assert.equal(s.nameOf(order), undefined);
  });

  it('ignores unknown properties in a tolerant schema, at every depth', () => {
    const value = { id: 'a', lines: [{ quantity: 1, more: true }], more: true };
    assert.equal(createValidator(order)(value).ok, false);
    assert.equal(createValidator(s.tolerant(order))(value).ok, true);
  });

  it('refuses a number too large for JSON as an integer', () => {
    const quantity = createValidator(s.object({ quantity: s.integer({ minimum: 1 }) }));
    assert.equal(quantity(JSON.parse('{"quantity":1e999}')).ok, false);
  });
});

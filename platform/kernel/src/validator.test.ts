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

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Intent, intentFor, parseIntent } from './intent.ts';

const shippingAddress = {
  name: 'Alice',
  line1: '1 Main Street',
  city: 'Graz',
  postalCode: '8010',
  country: 'AT',
};
const wanted: Omit<Intent, 'key'> = {
  userId: 'alice',
  lines: [
    { productId: 'a', quantity: 1 },
    { productId: 'b', quantity: 2 },
  ],
  body: { payment: { token: 'tok_ok' }, shippingAddress, quoteId: 'q1' },
};
const newKey = () => 'new';
const unanswered: Intent = { key: 'old', ...wanted };

describe('the intent to order', () => {
  it('has a key of its own', () => {
    assert.deepEqual(intentFor(undefined, wanted, newKey), { key: 'new', ...wanted });
  });

  it('without an answer is sent as it was, by the same key, while the same is wanted', () => {
    const again = { ...wanted, lines: wanted.lines.toReversed(), body: { ...wanted.body, quoteId: 'q2' } };
    assert.deepEqual(intentFor(unanswered, again, newKey), unanswered);
  });

  it('is another one with other lines, another card, address or coupon, and for somebody else', () => {
    const { body } = wanted;
    const others: readonly Omit<Intent, 'key'>[] = [
      { ...wanted, lines: [{ productId: 'a', quantity: 1 }] },
      {
        ...wanted,
        lines: [
          { productId: 'a', quantity: 1 },
          { productId: 'b', quantity: 3 },
        ],
      },
      { ...wanted, body: { ...body, payment: { token: 'tok_slow' } } },
      { ...wanted, body: { ...body, shippingAddress: { ...shippingAddress, country: 'DE' } } },
      { ...wanted, body: { ...body, coupon: 'WELCOME10' } },
      { ...wanted, userId: 'bob' },
    ];
    for (const other of others) assert.equal(intentFor(unanswered, other, newKey).key, 'new');
  });

  it('is read from what the browser has kept, if that is one', () => {
    assert.deepEqual(parseIntent(JSON.stringify(unanswered)), unanswered);
    for (const text of [null, '', '{', 'null', '{}', '{"key":"k"}', '"x"'])
      assert.equal(parseIntent(text), undefined);
  });
});

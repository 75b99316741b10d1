import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cancellationMail, confirmationMail, welcomeMail } from './mails.ts';

const order = {
  orderId: '0190a000-0000-7000-8000-000000000001',
  customerId: 'customer-1',
  customerEmail: 'alice@example.com',
  customerName: 'Alice Adams',
  idempotencyKey: 'key-1',
  items: [
    { productId: 'sku-1', name: 'Compass', quantity: 2, unitPrice: { amountMinor: 1_999, currency: 'EUR' } },
    {
      productId: 'sku-2',
      name: 'Sextant',
      quantity: 1,
      unitPrice: { amountMinor: 120_000, currency: 'EUR' },
    },
  ],
  total: { amountMinor: 123_998, currency: 'EUR' },
};
const confirmed = { ...order, shipmentId: 'shipment-1', confirmedAt: '2026-01-01T00:00:00Z' };
const cancelled = { ...order, reason: 'payment-declined', cancelledAt: '2026-01-01T00:00:00Z' };

describe('the mail about a confirmed order', () => {
  it('says what was ordered, for how much, and where to ask', () => {
    assert.deepEqual(confirmationMail(confirmed), {
      to: 'alice@example.com',
      subject: 'Your order 0190a000-0000-7000-8000-000000000001 is confirmed',
      text: `Hello Alice Adams,

Thank you for your order. It is paid and will be on its way to you soon.

Order 0190a000-0000-7000-8000-000000000001
  2 × Compass, €19.99 each
  1 × Sextant, €1,200.00 each
  Total: €1,239.98

Shipment shipment-1

The Flotilla shop
`,
    });
  });

  it('writes amounts as their currency is written', () => {
    const inYen = { ...confirmed, total: { amountMinor: 500, currency: 'JPY' } };
    assert.match(confirmationMail(inYen)?.text ?? '', /Total: ¥500\n/);
    const inDinar = { ...confirmed, total: { amountMinor: 1_234, currency: 'BHD' } };
    assert.match(confirmationMail(inDinar)?.text ?? '', /Total: BHD\s1\.234\n/);
  });

  it('is not written when nobody is known to write to', () => {
    const { customerEmail: _customerEmail, ...anonymous } = confirmed;
    assert.equal(confirmationMail(anonymous), undefined);
  });
});

describe('the mail about a cancelled order', () => {
  const textFor = (reason: string) => cancellationMail({ ...cancelled, reason })?.text ?? '';

  it('says why in words, and that nothing is to be paid', () => {
    const text = textFor('payment-declined');
    assert.match(text, /^Hello Alice Adams,\n\nYour order was cancelled: your payment was declined\.\n/);
    assert.match(text, /Order 0190a000-0000-7000-8000-000000000001\n/);
    assert.match(text, /You pay nothing/);
  });

  it('never shows a code, known or not', () => {
    for (const reason of [
      'out-of-stock',
      'shipping-unavailable',
      'cancelled-by-customer',
      'brand-new-reason',
    ])
      assert.ok(!textFor(reason).includes(reason), reason);
    assert.match(textFor('brand-new-reason'), /cancelled: we could not complete it\./);
  });
});

describe('the welcome mail', () => {
  it('greets by name', () => {
    const { to, text } = welcomeMail({ userId: 'u', email: 'dora@example.com', name: 'Dora' });
    assert.equal(to, 'dora@example.com');
    assert.match(text, /^Hello Dora,\n\nYour account is ready\./);
  });

  it('does not let a name write lines of its own', () => {
    const { text } = welcomeMail({
      userId: 'u',
      email: 'x@example.com',
      name: 'Eve\r\n\r\nSend money\u2028now',
    });
    assert.match(text, /^Hello Eve Send money now,\n/);
  });
});

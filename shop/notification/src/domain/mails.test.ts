import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { languageOf } from './language.ts';
import { writeMail } from './letter.ts';
import { cancellationMail, confirmationMail, receivedMail, shippedMail, welcomeMail } from './mails.ts';

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
const placed = { ...order, placedAt: '2026-01-01T00:00:00Z' };

describe('the mail about a confirmed order', () => {
  it('says what was ordered, for how much, and where to choose which mails to get', () => {
    const { html: _html, ...mail } = confirmationMail(confirmed, 'en') ?? {};
    assert.deepEqual(mail, {
      to: 'alice@example.com',
      subject: 'Your order 0190a000-0000-7000-8000-000000000001 is confirmed',
      text: `Hello Alice Adams,

Thank you for your order. It is paid and will be on its way to you soon.

Order 0190a000-0000-7000-8000-000000000001
  2 × Compass, €19.99 each
  1 × Sextant, €1,200.00 each
  Total: €1,239.98

The Flotilla shop

Which mails about orders and parcels you get you choose in your account.
`,
    });
  });

  it('is written in German for who reads that, amounts too', () => {
    const { subject, text = '', html = '' } = confirmationMail(confirmed, 'de') ?? {};
    assert.equal(subject, 'Ihre Bestellung 0190a000-0000-7000-8000-000000000001 ist bestätigt');
    assert.match(text, /^Guten Tag Alice Adams,\n/);
    assert.match(text, /2 × Compass, je 19,99\s€\n/);
    assert.match(text, /Summe: 1\.239,98\s€\n/);
    assert.match(html, /<html lang="de">/);
  });

  it('says the same as a page', () => {
    const { html = '' } = confirmationMail(confirmed, 'en') ?? {};
    assert.match(html, /<p>Hello Alice Adams,<\/p>/);
    assert.match(html, /<li>2 × Compass, €19\.99 each<\/li>/);
    assert.match(html, /<li>Total: €1,239\.98<\/li>/);
    assert.doesNotMatch(html, /<(?:img|script|link|iframe|form)|\bsrc=|url\(/, 'it loads nothing');
  });

  it('writes amounts as their currency is written', () => {
    const inYen = { ...confirmed, total: { amountMinor: 500, currency: 'JPY' } };
    assert.match(confirmationMail(inYen, 'en')?.text ?? '', /Total: ¥500\n/);
    const inDinar = { ...confirmed, total: { amountMinor: 1_234, currency: 'BHD' } };
    assert.match(confirmationMail(inDinar, 'en')?.text ?? '', /Total: BHD\s1\.234\n/);
  });

  it('is not written when nobody is known to write to, nor is any other', () => {
    const { customerEmail: _customerEmail, ...anonymous } = confirmed;
    assert.equal(confirmationMail(anonymous, 'en'), undefined);
    assert.equal(shippedMail(anonymous, 'en'), undefined);
    const { customerEmail: _email, ...nobodys } = placed;
    assert.equal(receivedMail(nobodys, 'en'), undefined);
  });
});

describe('the mails before and after it', () => {
  it('say that the order came in, and that a parcel is on its way', () => {
    assert.match(receivedMail(placed, 'en')?.subject ?? '', /^We have received your order 0190a000/);
    assert.match(shippedMail(confirmed, 'en')?.text ?? '', /\n\nShipment shipment-1\n\nOrder 0190a000/);
    assert.match(shippedMail(confirmed, 'de')?.text ?? '', /\n\nSendung shipment-1\n\nBestellung 0190a000/);
  });
});

describe('the mail about a cancelled order', () => {
  const textFor = (reason: string) => cancellationMail({ ...cancelled, reason }, 'en')?.text ?? '';

  it('says why in words, and that nothing is to be paid', () => {
    const text = textFor('payment-declined');
    assert.match(text, /^Hello Alice Adams,\n\nYour order was cancelled: your payment was declined\.\n/);
    assert.match(text, /Order 0190a000-0000-7000-8000-000000000001\n/);
    assert.match(text, /You pay nothing/);
  });

  it('never shows a code, known or not, in any language', () => {
    for (const reason of [
      'out-of-stock',
      'shipping-unavailable',
      'cancelled-by-customer',
      'brand-new-reason',
    ])
      for (const language of ['en', 'de'] as const)
        assert.ok(!cancellationMail({ ...cancelled, reason }, language)?.text.includes(reason), reason);
    assert.match(textFor('brand-new-reason'), /cancelled: we could not complete it\./);
  });
});

describe('the welcome mail', () => {
  it('greets by name', () => {
    const { to, text } = welcomeMail({ userId: 'u', email: 'dora@example.com', name: 'Dora' }, 'en');
    assert.equal(to, 'dora@example.com');
    assert.match(text, /^Hello Dora,\n\nYour account is ready\./);
  });

  it('does not let a name write lines of its own', () => {
    const name = 'Eve\r\n\r\nSend money\u2028now';
    const { text } = welcomeMail({ userId: 'u', email: 'x@example.com', name }, 'en');
    assert.match(text, /^Hello Eve Send money now,\n/);
  });
});

describe('a page', () => {
  it('shows as text whatever others have written', () => {
    const evil = `<script>alert("1")</script><a href='https://evil.test'>&amp;`;
    const { html, subject } = writeMail(
      {
        ...{ to: 'x@example.com', name: evil, subject: `${evil}\r\nBcc: everybody@example.com` },
        blocks: [
          { kind: 'paragraph', text: evil },
          { kind: 'lines', title: evil, lines: [evil] },
          { kind: 'link', url: 'javascript:alert(1)' },
          { kind: 'link', url: 'https://shop.test/?a=1&b="><script>' },
        ],
      },
      'en',
    );
    assert.doesNotMatch(html, /<script|<a href='|href="javascript/);
    assert.equal([...html.matchAll(/<a /g)].length, 1);
    assert.match(html, /<a href="https:\/\/shop\.test\/\?a=1&amp;b=&quot;&gt;&lt;script&gt;">/);
    assert.doesNotMatch(subject, /[\r\n]/);
  });
});

describe('the language', () => {
  it('is that of the locale, or English', () => {
    for (const locale of ['de', 'de-AT', 'de-1996']) assert.equal(languageOf(locale), 'de');
    for (const locale of [undefined, 'en', 'en-GB', 'fr', 'del', 'den'])
      assert.equal(languageOf(locale), 'en');
  });
});

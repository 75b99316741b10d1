import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSearch, writeSearch } from './catalogue.ts';
import { formatMoney, totalOf } from './money.ts';
import { RequestError, retryAfterMs } from './request.ts';
import { wordsOf } from './words.ts';

const read = (query: string) => readSearch(new URLSearchParams(query));

describe('a search in the URL', () => {
  it('comes back as it was', () => {
    for (const url of ['/search', '/search?q=a+%26+b&sort=-price&min=10&max=90&stock=1', '/search?sort=name'])
      assert.equal(writeSearch(read(url.split('?')[1] ?? '')), url);
  });

  it('has no filter that makes no sense', () => {
    const nothing = { q: '', sort: '', minPrice: undefined, maxPrice: undefined, inStock: false };
    for (const query of [
      '',
      'sort=toString',
      'sort=size',
      'min=-1',
      'min=1e3',
      'max=x',
      'stock=yes',
      'q=%00',
      'q=%0a',
    ])
      assert.deepEqual(read(query), nothing, query);
    assert.equal(read(`q=${'x'.repeat(500)}`).q.length, 200);
    assert.equal(read('max=9999999').maxPrice, 1_000_000);
  });
});

describe('money', () => {
  const euro = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });

  it('is written alike everywhere, in the units of its currency', () => {
    assert.equal(formatMoney(euro(199_900)), '€1,999.00');
    assert.equal(formatMoney({ amountMinor: 500, currency: 'JPY' }).replaceAll(/[^\d,.]/g, ''), '500');
  });

  it('is added up in one currency', () => {
    assert.deepEqual(
      totalOf([
        { price: euro(10), quantity: 3 },
        { price: euro(5), quantity: 1 },
      ]),
      euro(35),
    );
    assert.equal(totalOf([]), undefined);
    assert.equal(
      totalOf([
        { price: euro(1), quantity: 1 },
        { price: { amountMinor: 1, currency: 'CHF' }, quantity: 1 },
      ]),
      undefined,
    );
  });
});

describe('a refusal', () => {
  it('says when to try again, if it does', () => {
    assert.equal(retryAfterMs('3'), 3_000);
    assert.equal(retryAfterMs('99999'), 120_000);
    for (const header of [null, '', '-1', 'Wed, 21 Oct 2026 07:28:00 GMT', '1.5'])
      assert.equal(retryAfterMs(header), undefined);
  });

  it('is said in words, and never in those of a machine', () => {
    const wordsFor = (status: number, code: string) =>
      wordsOf(new RequestError({ status, code, detail: 'ECONNREFUSED 10.0.0.1' }));
    assert.match(wordsFor(422, 'payment-declined'), /declined/);
    assert.match(wordsFor(503, 'no-instance'), /does not answer/);
    assert.match(wordsFor(429, 'x'), /too much/);
    for (const words of [
      wordsFor(500, 'constructor'),
      wordsFor(418, 'x'),
      wordsOf(new TypeError('x is not a function')),
    ])
      assert.doesNotMatch(words, /10\.0|function|ECONN/);
  });
});

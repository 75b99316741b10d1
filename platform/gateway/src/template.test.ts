import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileTemplate } from './template.ts';

function match(template: string, path: string, caseSensitive = false) {
  const values = compileTemplate(template, { caseSensitive }).match(path);
  return values && Object.fromEntries(values);
}

describe('path templates', () => {
  it('compares literals as they are, without case unless asked', () => {
    assert.deepEqual(match('/a.b', '/a.b'), {});
    assert.equal(match('/a.b', '/aXb'), undefined);
    assert.deepEqual(match('/Orders', '/orders'), {});
    assert.equal(match('/Orders', '/orders', true), undefined);
  });

  it('takes a whole segment for a placeholder with a later slash, and never nothing', () => {
    assert.deepEqual(match('/products/{id}/stock', '/products/sku-1/stock'), { id: 'sku-1' });
    assert.equal(match('/products/{id}/stock', '/products//stock'), undefined);
    assert.equal(match('/products/{id}/stock', '/products/a/b/stock'), undefined);
  });

  it('takes everything for the last placeholder, also nothing and its slash', () => {
    assert.deepEqual(match('/orders/{rest}', '/orders/a/b'), { rest: 'a/b' });
    assert.deepEqual(match('/orders/{rest}', '/orders/'), { rest: '' });
    assert.deepEqual(match('/orders/{rest}', '/orders'), { rest: '' });
    assert.equal(match('/orders/{rest}', '/orders123'), undefined);
  });

  it('keeps the rules of earlier placeholders when the tail is left out', () => {
    assert.deepEqual(match('/a_{b}/{rest}', '/a_x'), { b: 'x', rest: '' });
    assert.deepEqual(match('/a_{b}/{rest}', '/a_x/y/z'), { b: 'x', rest: 'y/z' });
    assert.equal(match('/a_{b}/{rest}', '/a_'), undefined);
  });

  it('matches a template that ends with a slash with and without it, but no slash too many', () => {
    assert.deepEqual(match('/orders/', '/orders'), {});
    assert.deepEqual(match('/orders/', '/orders/'), {});
    assert.equal(match('/orders', '/orders/'), undefined);
  });

  it('matches the root only by / and everything by a lone catch-all', () => {
    assert.deepEqual(match('/', '/'), {});
    assert.equal(match('/', '/a'), undefined);
    assert.deepEqual(match('/{x}', '/'), { x: '' });
    assert.deepEqual(match('/{x}', '/a/b'), { x: 'a/b' });
    assert.equal(compileTemplate('/{x}', { caseSensitive: false }).matchesEverything, true);
    assert.equal(compileTemplate('/a/{x}', { caseSensitive: false }).matchesEverything, false);
  });

  it('splits a segment among placeholders, the earlier greedy', () => {
    assert.deepEqual(match('/api/v{version}/cards', '/api/v1/cards'), { version: '1' });
    assert.deepEqual(match('/docs/{name}.{ext}', '/docs/report.v2.pdf'), { name: 'report.v2', ext: 'pdf' });
    assert.deepEqual(match('/{a}_{b}-{c}/x', '/1_2-3/x'), { a: '1', b: '2', c: '3' });
  });

  it('lets only the last placeholder contain slashes', () => {
    assert.deepEqual(match('/docs/{name}.{ext}', '/docs/a.b/c'), { name: 'a', ext: 'b/c' });
    assert.equal(match('/docs/{name}.{ext}', '/docs/a/b.c'), undefined);
  });

  it('gives raw values', () => {
    assert.deepEqual(match('/files/{name}', '/files/R&D%20x'), { name: 'R&D%20x' });
  });
});

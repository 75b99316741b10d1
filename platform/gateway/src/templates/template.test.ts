import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../test/requests.ts';
import { compileTemplate } from './template.ts';

function match(template: string, target: string, caseSensitive = false) {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark);
  const values = compileTemplate(template, { caseSensitive }).match(path, path.toLowerCase(), query);
  return values && Object.fromEntries(values);
}

describe('path templates', () => {
  it('compares literals as they are, without case unless asked', () => {
    assert.deepEqual(match('/a.b', '/a.b'), {});
    assert.equal(match('/a.b', '/aXb'), undefined);
    assert.equal(match('/a', '/ab'), undefined);
    assert.deepEqual(match('/Orders/{id}', '/oRders/X'), { id: 'X' });
    assert.equal(match('/Orders', '/orders', true), undefined);
    assert.deepEqual(match('/Orders/{id}', '/Orders/X', true), { id: 'X' });
  });

  it('takes a whole segment for a placeholder with a later slash, and never nothing', () => {
    assert.deepEqual(match('/products/{id}/stock', '/products/sku-1/stock'), { id: 'sku-1' });
    assert.equal(match('/products/{id}/stock', '/products//stock'), undefined);
    assert.equal(match('/products/{id}/stock', '/products/a/b/stock'), undefined);
    assert.equal(match('/products/{id}/', '/products/'), undefined);
  });

  it('takes everything for the last placeholder, also nothing and its slash', () => {
    assert.deepEqual(match('/orders/{rest}', '/orders/a/b'), { rest: 'a/b' });
    assert.deepEqual(match('/orders/{rest}', '/orders/'), { rest: '' });
    assert.deepEqual(match('/orders/{rest}', '/orders'), { rest: '' });
    assert.equal(match('/orders/{rest}', '/orders123'), undefined);
    assert.deepEqual(match('/v{rest}', '/v'), { rest: '' });
    assert.equal(match('/a/v{rest}', '/a'), undefined, 'only a lone placeholder may lack its slash');
  });

  it('keeps the rules of earlier placeholders when the tail is left out', () => {
    assert.deepEqual(match('/a_{b}/{rest}', '/a_x'), { b: 'x', rest: '' });
    assert.deepEqual(match('/a_{b}/{rest}', '/a_x/y/z'), { b: 'x', rest: 'y/z' });
    assert.equal(match('/a_{b}/{rest}', '/a_'), undefined);
  });

  it('matches a template that ends with a slash with and without it, but no slash too many', () => {
    assert.deepEqual(match('/orders/', '/orders'), {});
    assert.deepEqual(match('/orders/', '/orders/'), {});
    assert.equal(match('/orders/', '/orders/a'), undefined);
    assert.equal(match('/orders', '/orders/'), undefined);
  });

  it('matches the root only by / and everything by a lone catch-all', () => {
    assert.deepEqual(match('/', '/'), {});
    assert.equal(match('/', '/a'), undefined);
    assert.deepEqual(match('/{x}', '/'), { x: '' });
    assert.deepEqual(match('/{x}', '/a/b'), { x: 'a/b' });
    assert.equal(compileTemplate('/{x}', { caseSensitive: false }).matchesEverything, true);
    assert.equal(compileTemplate('/a/{x}', { caseSensitive: false }).matchesEverything, false);
    assert.equal(compileTemplate('/{x}?{q}', { caseSensitive: false }).matchesEverything, false);
  });

  it('splits a segment among placeholders, the earlier greedy', () => {
    assert.deepEqual(match('/api/v{version}/cards', '/api/v1/cards'), { version: '1' });
    assert.deepEqual(match('/docs/{name}.{ext}', '/docs/report.v2.pdf'), { name: 'report.v2', ext: 'pdf' });
    assert.deepEqual(match('/{a}_{b}-{c}/x', '/1_2-3/x'), { a: '1', b: '2', c: '3' });
    assert.deepEqual(match('/{a}{b}/x', '/123/x'), { a: '12', b: '3' });
    assert.equal(match('/{a}{b}/x', '/1/x'), undefined);
  });

  it('lets only the last placeholder contain slashes', () => {
    assert.deepEqual(match('/docs/{name}.{ext}', '/docs/a.b/c'), { name: 'a', ext: 'b/c' });
    assert.equal(match('/docs/{name}.{ext}', '/docs/a/b.c'), undefined);
    assert.deepEqual(match('/files/{path}.json', '/files/a/b.json'), { path: 'a/b' });
  });

  it('gives raw values', () => {
    assert.deepEqual(match('/files/{name}', '/files/R&D%20x'), { name: 'R&D%20x' });
  });

  it('knows text that a URL cannot carry by its escape', () => {
    assert.deepEqual(match('/café/{x}', '/caf%C3%A9/1'), { x: '1' });
    assert.deepEqual(
      match('/\ud800/{x}', '/%EF%BF%BD/1'),
      { x: '1' },
      'a broken character is no reason to fail',
    );
  });

  it('agrees with a search through all splits', () => {
    const random = seededRandom(7);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    let matched = 0;
    for (let round = 0; round < 20_000; round += 1) {
      let names = 0;
      const piece = () => (random() < 0.5 ? `{p${names++}}` : pick(['a', 'b', '-', 'ab']));
      const segment = () => Array.from({ length: 1 + Math.floor(random() * 3) }, piece).join('');
      const template = `/${Array.from({ length: 1 + Math.floor(random() * 2) }, segment).join('/')}${pick(['', '', '/'])}`;
      const text = Array.from({ length: Math.floor(random() * 7) }, () => pick(['a', 'b', '-', '/'])).join(
        '',
      );
      const path = `/${text}`.replaceAll(/\/{2,}/g, '/');
      const expected = matchBySearch(template, path);
      if (expected !== undefined) matched += 1;
      assert.deepEqual(match(template, path), expected, `${template} for ${path}`);
    }
    assert.ok(matched > 2_000, `only ${matched} matched`);
  });

  it('takes linear time where splits are many', () => {
    const template = compileTemplate('/{a}_{b}_{c}_{d}_{e}/x', { caseSensitive: false });
    const path = `/${'_'.repeat(8_000)}/y`;
    const started = performance.now();
    for (let round = 0; round < 100; round += 1) assert.equal(template.match(path, path, ''), undefined);
    assert.ok(performance.now() - started < 10_000, 'trying all splits would take years');
  });
});

/** The rules as a backtracking expression: greedy from the left, as the reference says. */
function matchBySearch(template: string, path: string) {
  const tokens = template.split(/(\{[^{}]*\})/).filter((token) => token !== '');
  const lastHole = tokens.findLastIndex((token) => token.startsWith('{'));
  const endsWithSlash = template.length > 1 && template.endsWith('/');
  const lone = /^(.*)\/\{([^{}]*)\}$/.exec(template);
  const source = tokens
    .map((token, index) => {
      if (!token.startsWith('{')) return token;
      const hasLaterSlash = tokens.slice(index).join('').includes('/');
      if (hasLaterSlash) return '([^/]+)';
      return index === lastHole ? '(.*)' : '([^/]*)';
    })
    .join('');
  const names = tokens.filter((token) => token.startsWith('{')).map((token) => token.slice(1, -1));
  const collect = (found: RegExpExecArray) =>
    Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? '']));
  const whole = new RegExp(`^${source}${endsWithSlash ? '?' : ''}$`, 's').exec(path);
  if (whole !== null) return collect(whole);
  // `/a/{rest}` is `/a`, too.
  const short =
    lone !== null && lone[1] !== '' && new RegExp(`^${source.replace(/\/\(\.\*\)$/, '')}$`).exec(path);
  return short ? collect(short) : undefined;
}

describe('query templates', () => {
  it('takes any query for a placeholder alone, also none, with and without a slash', () => {
    for (const target of ['/x', '/x/', '/x?a=1', '/x/?a=1&b=2', '/x?all='])
      assert.deepEqual(match('/x?{all}', target), { all: '' }, target);
    assert.equal(match('/x?{all}', '/x/y'), undefined);
    assert.deepEqual(match('/?{all}', '/?a=1'), { all: '' });
    assert.deepEqual(match('/x/?{all}', '/x?a=1'), { all: '' });
  });

  it('wants named parameters first and in order, others may follow', () => {
    const template = '/u?unit={unit}&lang={lang}';
    assert.deepEqual(match(template, '/u?unit=7&lang=de'), { unit: '7', lang: 'de' });
    assert.deepEqual(match(template, '/u?unit=&lang=de&x=1'), { unit: '', lang: 'de' });
    for (const target of [
      '/u',
      '/u?unit=7',
      '/u?lang=de&unit=7',
      '/u?x=1&unit=7&lang=de',
      '/u?units=7&lang=de',
    ])
      assert.equal(match(template, target), undefined, target);
  });

  it('takes the rest for a last placeholder behind named parameters', () => {
    assert.deepEqual(match('/u?a={a}&{all}', '/u?a=1&b=2&c=3'), { a: '1', all: 'b=2&c=3' });
    assert.deepEqual(match('/u?a={a}&{all}', '/u?a=1'), { a: '1', all: '' });
  });

  it('lets no placeholder of the path span segments or be empty before a query', () => {
    assert.deepEqual(match('/u/{id}?{all}', '/u/7?x=1'), { id: '7', all: '' });
    assert.equal(match('/u/{id}?{all}', '/u/7/8?x=1'), undefined);
    assert.equal(match('/u/{id}?{all}', '/u?x=1'), undefined);
  });

  it('takes no part when the template has none', () => {
    assert.deepEqual(match('/u', '/u?anything=1'), {});
  });
});

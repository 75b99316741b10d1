import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestFor } from '../../test/requests.ts';
import { compileTemplate } from '../templates/template.ts';
import { compileDownstreamUrl, overridden } from './downstream-url.ts';

interface Options {
  readonly strict?: boolean;
  readonly more?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, string>>;
}

/** The URL for the back end; a status when it is refused. */
function url(
  upstream: string,
  downstream: string,
  requested: string,
  options: Options = {},
): string | number {
  const { strict = false, more = {}, overrides = {} } = options;
  const { target } = requestFor(requested);
  const template = compileTemplate(upstream, { caseSensitive: false });
  const values = template.match(target.path, target.path.toLowerCase(), target.query);
  assert.ok(values !== undefined, `${upstream} does not match ${requested}`);
  for (const [name, value] of Object.entries(more)) values.set(name, value);
  const make = compileDownstreamUrl({ upstream, downstream, strict });
  const made = make(values, target, new Map(Object.entries(overrides)));
  return typeof made === 'string' ? made : made.status;
}

describe('the path for the back end', () => {
  it('has the values in the place of their names, which differ by case', () => {
    assert.equal(url('/{id}/{Id}/x', '/y/{Id}/{id}', '/1/2/x'), '/y/2/1');
    assert.equal(url('/a/{x}', '/b/{x}/{z}', '/a/1'), '/b/1/%7Bz%7D', 'a name without a value stays');
  });

  it('keeps values byte for byte and the case of its own text', () => {
    assert.equal(
      url('/Files/{rest}', '/Store/{rest}', '/files/a%20b/R&D;v=1%2Bx'),
      '/Store/a%20b/R&D;v=1%2Bx',
    );
  });

  it('escapes text that a URL cannot carry', () => {
    assert.equal(url('/a', '/größe x"', '/a'), '/gr%C3%B6%C3%9Fe%20x%22');
  });

  it('ends with a slash only if the request does', () => {
    assert.equal(url('/plain', '/svc/plain/', '/plain'), '/svc/plain');
    assert.equal(url('/rest/{r}', '/svc/{r}/', '/rest/a'), '/svc/a');
    assert.equal(url('/rest/{r}', '/svc/{r}/', '/rest/a/'), '/svc/a//');
    assert.equal(url('/root', '/', '/root'), '/');
    assert.equal(url('/a', '/b/?x=1', '/a'), '/b/?x=1', 'not when it has a query of its own');
  });

  it('never has a value outside of its segment', () => {
    const from = '/a?p={p}';
    assert.equal(url(from, '/b/{p}/c', '/a?p=x/../y?z'), '/b/x%2F..%2Fy%3Fz/c');
    assert.equal(url(from, '/b/{p}/c', '/a?p=50%'), '/b/50%25/c');
    assert.equal(url(from, '/b/{p}/c', '/a?p=[x]'), '/b/%5Bx%5D/c');
    assert.equal(url('/a', '/b/{h}', '/a', { more: { h: 'x%2Fy' } }), '/b/x%2Fy');
  });

  it('is refused when a value would be a dot segment', () => {
    assert.equal(url('/v{v}/x', '/{v}/x', '/v../x'), 400);
    assert.equal(url('/v{v}/x', '/{v}/x', '/v..;a/x'), 400);
    assert.equal(url('/v{v}/x', '/.{v}/x', '/v./x'), 400);
    assert.equal(url('/a?p={p}', '/b/{p}', '/a?p=%2e%2E'), 400);
    assert.equal(url('/a?p={p}', '/b/{p}', '/a?p=..'), 400);
    assert.equal(url('/v{v}/x', '/{v}/x', '/v.a/x'), '/.a/x');
  });

  it('never begins with two slashes', () => {
    assert.equal(url('/a?p={p}', '/{p}/b', '/a?p='), '/b');
  });
});

describe('the query for the back end', () => {
  it('is copied when there are no placeholders', () => {
    assert.equal(url('/copy', '/c', '/copy?a=1&a=2&&b=%2F'), '/c?a=1&a=2&&b=%2F');
  });

  it('loses the parameters that are named like a placeholder, in any case, and no others', () => {
    assert.equal(url('/u/{id}', '/v/{id}', '/u/7?ID=1&x=1&xid=2&id_=3&x=4'), '/v/7?x=1&xid=2&id_=3&x=4');
    assert.equal(url('/u/{id}', '/v/{id}', '/u/7?%69d=1'), '/v/7', 'an escaped name is the same name');
  });

  it("has the template's own first, then what is not there yet and was not taken", () => {
    assert.equal(url('/u/{id}', '/v?id={id}&k=1', '/u/7?k=2&ID=3&id=4&a=1&a=2'), '/v?id=7&k=1&ID=3&a=1&a=2');
    assert.equal(url('/u?userId={userId}', '/p?personId={userId}', '/u?userId=w'), '/p?personId=w');
    assert.equal(url('/u?userId={uid}', '/p?personId={uid}', '/u?userId=w'), '/p?personId=w&userId=w');
  });

  it('joins repeated parameters only when strict and beside a query of its own', () => {
    const strict = { strict: true };
    assert.equal(url('/f/{k}', '/s?k={k}', '/f/b?t=a&t=b&x=1', strict), '/s?k=b&t=a%2Cb&x=1');
    assert.equal(url('/f/{k}', '/s?k={k}', '/f/b?t=a&t=b&x=1'), '/s?k=b&t=a&t=b&x=1');
    assert.equal(url('/f/{k}', '/s', '/f/b?t=a&t=b', strict), '/s?t=a&t=b');
  });

  it('travels whole through a placeholder for all of it', () => {
    assert.equal(url('/c?{all}', '/d?{all}', '/c?a=1&b=(-x+1)'), '/d?a=1&b=(-x+1)');
    assert.equal(url('/c?{all}', '/d?{all}', '/c'), '/d');
    assert.equal(url('/c?a={a}&{all}', '/d?b={a}&{all}', '/c?a=1&z=2'), '/d?b=1&z=2');
  });

  it('never has a value of the path outside of its parameter', () => {
    assert.equal(url('/u/{id}', '/v?id={id}', '/u/a&b=c+d'), '/v?id=a%26b%3Dc%2Bd');
    assert.equal(url('/u/{id}', '/v?id={id}', '/u/%23%3F'), '/v?id=%23%3F');
  });

  it('has the parameters that were set in place of those of the client, however spelt', () => {
    const overrides = { userId: 'a&b' };
    assert.equal(
      url('/u', '/v', '/u?x=1&userId=9&USERID=8&user%49d=7', { overrides }),
      '/v?x=1&userId=a%26b',
    );
    assert.equal(url('/u', '/v?userId=1', '/u', { overrides }), '/v?userId=a%26b');
    assert.equal(overridden('?a=1', new Map()), '?a=1');
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertProblems, problemsOf } from '../../../test/config.ts';
import { createTestBed, openRaw, readTestConfig } from '../../../test/gateway.ts';
import { explainUrl } from '../../routing/explain.ts';

const bed = createTestBed();
after(() => bed.close());

const AuthenticationOptions = { AuthenticationProviderKey: 'Bearer' };
const Routes = [
  {
    UpstreamPathTemplate: '/old/{everything}',
    RedirectOptions: { Location: 'https://new.test/shop/{everything}', StatusCode: 308 },
  },
  { UpstreamPathTemplate: '/within/{everything}', RedirectOptions: { Location: '/{everything}' } },
  { UpstreamPathTemplate: '/go?to={to}', RedirectOptions: { Location: '/{to}' } },
  { UpstreamPathTemplate: '/home', RedirectOptions: { Location: 'https://home.test?from=old' } },
  {
    UpstreamPathTemplate: '/closed',
    AnswerOptions: {
      StatusCode: 503,
      Body: '{"closed":true}',
      ContentType: 'application/json',
      Headers: { 'Retry-After': '120' },
    },
  },
  { UpstreamPathTemplate: '/robots.txt', AnswerOptions: { Body: 'User-agent: *\nDisallow: /\n' } },
  { UpstreamPathTemplate: '/nothing', AnswerOptions: { StatusCode: 204 } },
  { UpstreamPathTemplate: '/mine', AnswerOptions: { Body: 'yours' }, AuthenticationOptions },
];

describe('a route without a back end', () => {
  let url: string;
  before(async () => {
    url = await bed.gateway({ Routes });
  });
  const ask = (path: string, init: RequestInit = {}) => fetch(url + path, { redirect: 'manual', ...init });

  it('sends clients elsewhere, with what the path and the query had', async () => {
    for (const [path, status, location] of [
      ['/old/a/b%2Bc?x=1&y=%20', 308, 'https://new.test/shop/a/b%2Bc?x=1&y=%20'],
      ['/within/a?x=1', 307, '/a?x=1'],
      ['/home?x=1', 307, 'https://home.test/?from=old&x=1'],
    ] as const) {
      const answer = await ask(path, { method: 'POST', body: 'a body' });
      assert.deepEqual([answer.status, answer.headers.get('location')], [status, location]);
      assert.equal(await answer.text(), '');
    }
  });

  it('lets nobody say to which host', async () => {
    for (const path of [
      '/within//evil.test',
      '/within/%5cevil.test',
      '/go?to=/evil.test',
      '/go?to=\\evil.test',
    ]) {
      const answer = await ask(path);
      const location = answer.headers.get('location');
      if (location === null)
        assert.ok(answer.status === 400 || answer.status === 404, `${path}: ${answer.status}`);
      else assert.equal(new URL(location, 'https://gateway.test').host, 'gateway.test', path);
    }
  });

  it('has one answer', async () => {
    const closed = await ask('/closed');
    assert.equal(closed.status, 503);
    assert.equal(closed.headers.get('retry-after'), '120');
    assert.equal(closed.headers.get('content-type'), 'application/json');
    assert.deepEqual(await closed.json(), { closed: true });
    const robots = await ask('/robots.txt');
    assert.equal(robots.status, 200);
    assert.match(await robots.text(), /^User-agent: \*\n/);
    assert.equal((await ask('/robots.txt', { method: 'HEAD' })).headers.get('content-length'), '26');
    assert.equal((await ask('/nothing')).status, 204);
  });

  it('is behind the policies of its route', async () => {
    assert.equal((await ask('/mine')).status, 401);
  });

  it('is explained', () => {
    const config = readTestConfig({ Routes });
    const { winner } = explainUrl(config, { method: 'GET', url: '/old/x', headers: [] });
    assert.deepEqual(winner?.upstream, []);
    assert.equal(winner?.answer, '308 to https://new.test/shop/{everything}');
    const fixed = explainUrl(config, { method: 'GET', url: '/nothing', headers: [] });
    assert.equal(fixed.winner?.answer, '204');
  });

  it('is refused in the file where it would lead anywhere, or could not be sent', () => {
    assertProblems(
      problemsOf({
        Routes: [
          { UpstreamPathTemplate: '/a?to={to}', RedirectOptions: { Location: 'https://{to}/x' } },
          { UpstreamPathTemplate: '/b', RedirectOptions: { Location: '//evil.test/x' } },
          { UpstreamPathTemplate: '/c', RedirectOptions: { Location: '/x', StatusCode: 200 } },
          { UpstreamPathTemplate: '/d', AnswerOptions: { StatusCode: 204, Body: 'x' } },
          { UpstreamPathTemplate: '/e', AnswerOptions: { Headers: { 'Transfer-Encoding': 'chunked' } } },
          { UpstreamPathTemplate: '/f', AnswerOptions: { Headers: { 'X-A': 'a\r\nb: c' } } },
          { UpstreamPathTemplate: '/h', RedirectOptions: { Location: 'https://a:b@c.test/' } },
          { UpstreamPathTemplate: '/g', AnswerOptions: {}, RedirectOptions: { Location: '/x' } },
        ],
      }),
      [
        /^Routes\[0\]\.RedirectOptions\.Location: no placeholder may stand before the path/,
        /^Routes\[1\]\.RedirectOptions\.Location: .*double forward slash/,
        /^Routes\[2\]\.RedirectOptions\.StatusCode: must be one of/,
        /^Routes\[3\]\.AnswerOptions\.Body: an answer 204 has none/,
        /^Routes\[4\]\.AnswerOptions\.Headers: Transfer-Encoding is the connection's own/,
        /^Routes\[5\]\.AnswerOptions\.Headers: the value of X-A/,
        /^Routes\[6\]\.RedirectOptions\.Location: .* is no origin/,
        /^Routes\[7\]\.AnswerOptions: a route has either/,
      ],
    );
  });
});

describe('a host with a wildcard', () => {
  const at = (UpstreamHost: string | undefined, Body: string) => ({
    UpstreamPathTemplate: '/',
    ...(UpstreamHost && { UpstreamHost }),
    AnswerOptions: { Body },
  });
  const config = {
    Routes: [
      at('**.test', 'any'),
      at('**.shop.test', 'shop'),
      at('de.shop.test', 'de'),
      at(undefined, 'none'),
    ],
  };

  it('is every name below it; the longest fits first, whole names before all', async () => {
    const url = await bed.gateway(config);
    for (const [host, body] of [
      ['de.shop.test', 'de'],
      ['FR.shop.test:81', 'shop'],
      ['a.b.shop.test', 'shop'],
      ['shop.test', 'any'],
      ['test', 'none'],
      ['.test', 'none'],
      ['shop.test.evil', 'none'],
      ['notshop.test', 'any'],
    ] as const) {
      const client = await openRaw(url);
      client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      assert.match(await client.closed(), new RegExp(`\r\n\r\n${body}$`), host);
    }
    const { others } = explainUrl(readTestConfig(config), {
      method: 'GET',
      url: 'http://de.shop.test/',
      headers: [],
    });
    assert.deepEqual(
      others.map(({ reasons }) => reasons),
      [
        ['matches, but a route with a closer UpstreamHost comes first'],
        ['matches, but a route with a closer UpstreamHost comes first'],
        ['matches, but a route with a matching UpstreamHost comes first'],
      ],
    );
  });

  it('is a text like others in strict mode, as in Ocelot', () => {
    const strict = readTestConfig(config, { strict: true });
    assert.equal(strict.warnings.filter((text) => text.includes('can never match')).length, 2);
    const { winner } = explainUrl(strict, { method: 'GET', url: 'http://a.shop.test/', headers: [] });
    assert.equal(winner?.place, 'Routes[3]');
  });
});

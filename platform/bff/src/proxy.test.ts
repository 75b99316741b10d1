import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ORIGIN, OWN, startRig } from '../test/rig.ts';

type Rig = Awaited<ReturnType<typeof startRig>>;

describe('what goes on to a service', () => {
  let rig: Rig;
  let browser: ReturnType<Rig['openBrowser']>;
  before(async () => {
    rig = await startRig();
    browser = rig.openBrowser();
    await browser.logIn();
  });
  after(() => rig.close());

  it('is the request with the token of the session, and none of what identifies somebody otherwise', async () => {
    const before = rig.seen.length;
    await browser.go('/orders/o-1?limit=2', {
      method: 'PUT',
      body: '{"a":1}',
      headers: {
        ...{
          ...OWN,
          'content-type': 'application/json',
          'idempotency-key': 'k',
          prefer: 'wait=5',
          'last-event-id': '3',
        },
        ...{
          authorization: 'Bearer attacker',
          'x-user-id': 'admin',
          'x-on-behalf-of': 'somebody',
          connection: 'x-csrf',
        },
        ...{
          'x-forwarded-for': '1.2.3.4',
          'x-real-ip': '203.0.113.7',
          'x-original-url': '/internal',
          'proxy-authorization': 'x',
          forwarded: 'for=1',
        },
      },
    });
    const [one] = rig.seen.slice(before);
    assert.equal(one?.method, 'PUT');
    assert.equal(one?.url, '/orders/o-1?limit=2');
    assert.equal(one?.body, '{"a":1}');
    assert.match(String(one?.headers['authorization']), /^Bearer access of family-/);
    const allowed = [
      ...[
        'authorization',
        'connection',
        'content-length',
        'content-type',
        'host',
        'idempotency-key',
        'last-event-id',
        'prefer',
      ],
      ...['traceparent', 'user-agent', 'x-real-ip', 'x-request-deadline'],
    ];
    assert.deepEqual(Object.keys(one?.headers ?? {}).sort(), allowed);
    assert.equal(one?.headers['connection'], 'keep-alive');
  });

  it('comes back without cookies, foreign addresses and leave to be kept', async () => {
    rig.answers.set('/orders/odd', () => ({
      status: 302,
      headers: {
        ...{
          'set-cookie': ['a=b', '__Host-fl-sid=planted'],
          location: 'https://evil.test/',
          'cache-control': 'public, max-age=60',
        },
        ...{
          'x-flotilla-draining': '1',
          server: 'x',
          etag: '"1"',
          'retry-after': '3',
          'access-control-allow-origin': '*',
        },
      },
    }));
    const response = await browser.go('/orders/odd', { headers: OWN });
    assert.equal(response.statusCode, 302);
    for (const name of [
      'set-cookie',
      'location',
      'x-flotilla-draining',
      'server',
      'access-control-allow-origin',
    ])
      assert.equal(response.headers[name], undefined, name);
    assert.equal(response.headers['cache-control'], 'no-store');
    assert.equal(response.headers.vary, 'Cookie');
    assert.equal(response.headers.etag, '"1"');
    assert.equal(response.headers['retry-after'], '3');
    rig.answers.set('/orders/made', () => ({ status: 202, headers: { location: '/orders/o-9' } }));
    assert.equal((await browser.go('/orders/made', { headers: OWN })).headers.location, '/orders/o-9');
  });

  it('goes nowhere but below the paths that are registered', async () => {
    const before = rig.seen.length;
    for (const path of [
      ...[
        '/internal/token',
        '/ordersx',
        '//orders',
        '/orders/../internal/x',
        '/orders/%2e%2e/internal',
        '/orders/..%2finternal',
      ],
      ...['/orders/.%2E/x', '/orders/a%5c..%5cb', '/orders/%00'],
    ])
      assert.match(await browser.code(path), /^40[04]/, path);
    assert.equal(rig.seen.length, before);
  });

  it('is refused before anybody is asked when it may come from elsewhere', async () => {
    const before = rig.seen.length;
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const [method, headers] of [
      ['POST', { ...form, origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }],
      ['POST', { 'content-type': 'text/plain', origin: 'https://evil.test' }],
      ['POST', { origin: 'null', 'x-csrf': '1' }],
      ['POST', { 'x-csrf': '1' }],
      ['POST', { origin: ORIGIN }],
      ['POST', { origin: 'https://evil.shop.test', 'sec-fetch-site': 'same-site', 'x-csrf': '1' }],
      ['DELETE', { 'sec-fetch-site': 'cross-site', 'x-csrf': '1' }],
      ['GET', { 'sec-fetch-site': 'cross-site' }],
      ['GET', { 'sec-fetch-site': 'cross-site', accept: 'text/event-stream' }],
      ['GET', { origin: 'https://evil.test' }],
    ] as const) {
      const response = await browser.go('/orders', { method, headers: { ...headers } });
      assert.equal(
        `${response.statusCode} ${JSON.parse(response.body).code}`,
        '403 csrf',
        JSON.stringify(headers),
      );
    }
    assert.equal((await browser.go('/bff/user', { headers: { origin: ORIGIN } })).statusCode, 403);
    assert.equal(
      (await browser.go('/bff/logout', { method: 'POST', headers: { 'sec-fetch-site': 'same-origin' } }))
        .statusCode,
      403,
    );
    assert.equal(rig.seen.length, before);
    assert.equal(await browser.code('/orders'), '200', 'and nobody was signed out');
  });

  it('is not granted to a page of elsewhere that asks before it sends', async () => {
    const before = rig.seen.length;
    const response = await browser.go('/orders', {
      method: 'OPTIONS',
      headers: {
        ...{ origin: 'https://evil.test', 'access-control-request-method': 'POST' },
        'access-control-request-headers': 'x-csrf',
      },
    });
    assert.equal(response.statusCode, 404);
    const granted = Object.keys(response.headers).filter((name) => name.startsWith('access-control-'));
    assert.deepEqual(granted, []);
    assert.equal(rig.seen.length, before);
  });

  it('is of whoever asks, whatever somebody else was told at the same address', async () => {
    const other = rig.openBrowser();
    await other.logIn('/', { sub: 'bob', sid: 'of bob' });
    const tokens = await Promise.all(
      [browser, other, browser].map(async (one) => {
        const { headers } = await one.go('/orders/shared', { headers: OWN });
        assert.equal(headers['cache-control'], 'no-store');
        return rig.seen.at(-1)?.headers['authorization'];
      }),
    );
    assert.equal(new Set(tokens).size, 2);
  });

  it('is 401 for a visitor, for an id that is no id and for one that came twice', async () => {
    const before = rig.seen.length;
    const id = browser.jar.get('__Host-fl-sid');
    for (const cookie of [
      '',
      'other=1',
      '__Host-fl-sid=short',
      `__Host-fl-sid=${'a'.repeat(43)}`,
      `__Host-fl-sid=${id}; __Host-fl-sid=x`,
    ]) {
      const response = await rig.openBrowser().go('/orders', { headers: { ...OWN, cookie } });
      assert.equal(response.statusCode, 401, cookie);
      assert.equal(response.headers['www-authenticate'], 'Bearer');
    }
    assert.equal(rig.seen.length, before);
  });

  it('hands on what the service says of its own faults, and says itself when nobody is there', async () => {
    rig.answers.set('/orders/fault', () => ({
      status: 503,
      headers: { 'retry-after': '7' },
      body: '{"code":"busy"}',
    }));
    const response = await browser.go('/orders/fault', { method: 'POST', headers: OWN });
    assert.equal(response.statusCode, 503);
    assert.equal(response.headers['retry-after'], '7');
    assert.equal(response.body, '{"code":"busy"}');
  });

  it('is not sent on when it is too large', async () => {
    const body = JSON.stringify({ a: 'x'.repeat(300_000) });
    const response = await browser.go('/orders', {
      method: 'POST',
      headers: { ...OWN, 'content-type': 'application/json' },
      body,
    });
    assert.equal(response.statusCode, 413);
  });
});

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { testOrigin } from '../../test/backend-rig.ts';
import { fieldsOf, linesOf } from '../../test/exchange.ts';
import { bodyOf, createTestBed, routeTo } from '../../test/gateway.ts';
import type { Origin } from '../wire/backend/backend-call.ts';
import { followRedirect, type Hop } from './redirects.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const FOLLOWS = { HttpHandlerOptions: { AllowAutoRedirect: true } };

describe('redirects of a back end', () => {
  const head = (status: number, location: string) => ({
    status,
    reason: '',
    fields: fieldsOf([['Location', location]]),
    bodyBytes: 0,
  });
  const hop = (more: Partial<Hop> = {}, origin: Partial<Origin> = {}): Hop => ({
    backend: { id: 'b', authority: 'b.test:81', origin: { ...testOrigin(81), host: 'b.test', ...origin } },
    method: 'GET',
    target: '/a/b?x=1',
    fields: fieldsOf([
      ['Authorization', 'secret'],
      ['Cookie', 'c=1'],
      ['Content-Type', 'text/x'],
      ['X-Kept', '1'],
    ]),
    hasBody: false,
    ...more,
  });

  it('are resolved against what was asked', () => {
    for (const [location, target] of [
      ['/c', '/c'],
      ['c?y', '/a/c?y'],
      ['?z=1', '/a/b?z=1'],
      ['http://b.test:81/d', '/d'],
    ] as const) {
      const next = followRedirect(head(302, location), hop());
      assert.equal(next?.target, target, location);
      assert.equal(next?.backend.authority, 'b.test:81');
      assert.ok(linesOf(next.fields).includes('Authorization: secret'));
    }
  });

  it('turn a POST into a GET without a body up to 303, and keep the method behind', () => {
    for (const status of [301, 302, 303]) {
      const next = followRedirect(head(status, '/c'), hop({ method: 'POST', hasBody: true }));
      assert.deepEqual([next?.method, next?.hasBody], ['GET', false]);
      assert.doesNotMatch(String(linesOf(next?.fields ?? hop().fields)), /Content-Type/);
    }
    for (const status of [307, 308]) {
      assert.equal(followRedirect(head(status, '/c'), hop({ method: 'POST', hasBody: true })), undefined);
      assert.equal(followRedirect(head(status, '/c'), hop({ method: 'POST' }))?.method, 'POST');
    }
    assert.equal(followRedirect(head(302, '/c'), hop({ method: 'PUT', hasBody: true })), undefined);
  });

  it('to another origin carry no credentials', () => {
    for (const location of [
      'http://other.test/',
      'http://b.test:82/',
      'https://b.test:81/',
      '//other.test/',
    ]) {
      const next = followRedirect(head(302, location), hop());
      assert.deepEqual(
        linesOf(next?.fields ?? hop().fields),
        ['Content-Type: text/x', 'X-Kept: 1'],
        location,
      );
      assert.equal(next?.backend.origin.checksAddress, true);
      assert.notEqual(next?.backend.origin.key, hop().backend.origin.key);
    }
  });

  it('are the client’s business when they lead where nobody may be sent', () => {
    for (const location of [
      'http://169.254.169.254/latest/meta-data',
      'http://[fe80::1]/',
      'http://metadata.google.internal/',
      'http://0xA9FEA9FE/',
      'ftp://other.test/',
      'file:///etc/passwd',
      'http://user@other.test/',
      'http://',
    ])
      assert.equal(followRedirect(head(302, location), hop()), undefined, location);
    assert.equal(followRedirect(head(302, 'http://b.test/'), hop({}, { secure: true })), undefined);
    assert.equal(followRedirect({ ...head(302, '/'), fields: fieldsOf([]) }, hop()), undefined);
    assert.equal(followRedirect(head(304, '/'), hop()), undefined);
  });

  it('are followed if the route says so, also to another host, and the last answer is the client’s', async () => {
    const seen: string[] = [];
    const other = await bed.backend((request, response) => {
      seen.push(`other ${request.url} ${request.headers.authorization}`);
      response.end('there');
    });
    const port = await bed.backend(async (request, response) => {
      const body = await bodyOf(request);
      seen.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`);
      if (request.url === '/r/1') response.writeHead(303, { location: '2?x=1' }).end('moved');
      else response.writeHead(302, { location: `http://127.0.0.1:${other}/end` }).end();
    });
    const { url, admin } = await bed.start({ Routes: [routeTo(port, '/r/{rest}', FOLLOWS)] });
    const init = { method: 'POST', body: 'hello', headers: { authorization: 'Basic x' } };
    const response = await fetch(`${url}/r/1`, init);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), 'there');
    assert.deepEqual(seen, ['POST /r/1 Basic x hello', 'GET /r/2?x=1 Basic x ', 'other /end undefined']);
    assert.equal(admin.backends.states()[0]?.instances[0]?.inFlight, 0);
  });

  it('are the client’s without the option, and from the eleventh on', async () => {
    let requests = 0;
    const port = await bed.backend((_, response) => {
      requests += 1;
      response.writeHead(302, { location: '/r/again' }).end();
    });
    const { url } = await bed.start({
      Routes: [routeTo(port, '/r/{rest}', FOLLOWS), routeTo(port, '/plain')],
    });
    const manual = { redirect: 'manual' } as const;
    assert.equal((await fetch(`${url}/plain`, manual)).status, 302);
    assert.equal(requests, 1);
    const last = await fetch(`${url}/r/1`, manual);
    assert.equal(last.status, 302);
    assert.equal(requests, 12);
  });

  it('to somewhere that is away end with 502, and the instance keeps its good name', async () => {
    const port = await bed.backend((_, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    );
    const { url, admin } = await bed.start({ Routes: [routeTo(port, '/r', FOLLOWS)] });
    for (let count = 0; count < 6; count += 1) assert.equal((await fetch(`${url}/r`)).status, 502);
    const instance = admin.backends.states()[0]?.instances[0];
    assert.deepEqual([instance?.state, instance?.inFlight], ['usable', 0]);
  });

  it('within the time of the route as a whole', async () => {
    const port = await bed.backend((request, response) => {
      if (request.url === '/r/1') response.writeHead(302, { location: '/r/2' }).end();
    });
    const more = { ...FOLLOWS, QoSOptions: { Timeout: 200 } };
    const { url } = await bed.start({ Routes: [routeTo(port, '/r/{rest}', more)] });
    assert.equal((await fetch(`${url}/r/1`)).status, 504);
  });
});

describe('the cookie jar of a route', () => {
  it('keeps what the back end set and sends it for all clients, whose own cookies win', async () => {
    const seen: string[] = [];
    const port = await bed.backend((request, response) => {
      seen.push(request.headers.cookie ?? '');
      response.writeHead(200, { 'set-cookie': ['a=1; Path=/', 'b=2; Path=/x'] }).end();
    });
    const config = { Routes: [routeTo(port, '/x', { HttpHandlerOptions: { UseCookieContainer: true } })] };
    const { url } = await bed.start(config);
    await fetch(`${url}/x`);
    await fetch(`${url}/x`);
    await fetch(`${url}/x`, { headers: { cookie: 'a=own' } });
    assert.deepEqual(seen, ['', 'a=1; b=2', 'a=own; b=2']);
  });

  it('forgets a cookie when it is over by the clock of the gateway', async () => {
    const clock = createManualClock();
    const seen: string[] = [];
    const port = await bed.backend((request, response) => {
      seen.push(request.headers.cookie ?? '');
      response.writeHead(200, seen.length === 1 ? { 'set-cookie': 'a=1; Path=/; Max-Age=60' } : {}).end();
    });
    const config = { Routes: [routeTo(port, '/x', { HttpHandlerOptions: { UseCookieContainer: true } })] };
    const { url } = await bed.start(config, { clock });
    await fetch(`${url}/x`);
    await clock.advance(59_000);
    await fetch(`${url}/x`);
    await clock.advance(1_000);
    await fetch(`${url}/x`);
    assert.deepEqual(seen, ['', 'a=1', '']);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { assertProblems, problemsOf, ROUTE } from '../../test/config.ts';
import { createTestBed } from '../../test/gateway.ts';

const bed = createTestBed();
after(() => bed.close());

const CookieSecret = 'a secret of the tests';

describe('a sticky cookie', () => {
  const ports: number[] = [];
  const stop: (() => void)[] = [];
  let url: string;
  const seen: (string | undefined)[] = [];
  const start = (LoadBalancerOptions: object, global: object = {}) =>
    bed.gateway({
      Routes: [
        {
          ...{ UpstreamPathTemplate: '/', DownstreamPathTemplate: '/' },
          DownstreamHostAndPorts: ports.map((Port) => ({ Host: '127.0.0.1', Port })),
          LoadBalancerOptions: { Type: 'StickyCookie', CookieSecret, ...LoadBalancerOptions },
        },
      ],
      GlobalConfiguration: global,
    });
  before(async () => {
    for (let count = 0; count < 3; count += 1) {
      const server = createServer(({ headers }, response) => {
        seen.push(headers.cookie);
        response.end(String(count));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      stop[count] = () => {
        server.close();
        server.closeAllConnections();
      };
      bed.defer(() => stop[count]?.());
      ports.push((server.address() as AddressInfo).port);
    }
    url = await start({});
  });
  const ask = async (at: string, cookie?: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(at, { headers: { ...headers, ...(cookie && { cookie }) } });
    return { instance: await answer.text(), set: answer.headers.getSetCookie() };
  };
  const pairOf = ([line = '']: readonly string[]) => line.split(';', 1)[0] ?? '';

  it('leads everybody back to the instance before, in every gateway with the secret', async () => {
    const second = await start({});
    const instances = new Set<string>();
    for (let client = 0; client < 6; client += 1) {
      const first = await ask(url);
      assert.equal(first.set.length, 1);
      instances.add(first.instance);
      for (const at of [url, second, url]) {
        const again = await ask(at, `a=b; ${pairOf(first.set)}`);
        assert.deepEqual(again, { instance: first.instance, set: [] });
        assert.equal(seen.at(-1), 'a=b', 'it is no business of the back end');
      }
    }
    assert.equal(instances.size, 3);
  });

  it('says nothing of an instance', async () => {
    const { set } = await ask(url);
    assert.match(set[0] ?? '', /^flotilla-sticky=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/);
    const other = await ask(await start({ CookieSecret: 'another secret of tests' }), pairOf(set));
    assert.equal(other.set.length, 1, 'with another secret it means nothing');
    for (const cookie of ['flotilla-sticky=', `flotilla-sticky=127.0.0.1:${ports[0]}`, 'flotilla-sticky=x'])
      assert.equal((await ask(url, cookie)).set.length, 1);
  });

  it('has the attributes that are wanted', async () => {
    const options = { Key: 'way', CookiePath: '/shop', CookieSameSite: 'Strict', Expiry: 60_000 };
    const at = await start(options, { TrustedProxies: ['127.0.0.1'] });
    const attributes = async (headers: Record<string, string>, from = at) =>
      ((await ask(from, undefined, headers)).set[0] ?? '').replace(/=[\w-]{22}/, '=');
    assert.equal(await attributes({}), 'way=; Path=/shop; HttpOnly; SameSite=Strict; Max-Age=60');
    assert.equal(
      await attributes({ 'x-forwarded-proto': 'https', 'x-forwarded-for': '1.2.3.4' }),
      'way=; Path=/shop; HttpOnly; SameSite=Strict; Max-Age=60; Secure',
    );
    assert.match(await attributes({}, await start({ CookieSameSite: 'None' })), /SameSite=None; Secure$/);
  });

  it('leads elsewhere when the instance has gone, and there from then on', async () => {
    const { instance, set } = await ask(url);
    stop[Number(instance)]?.();
    const next = await ask(url, pairOf(set));
    assert.notEqual(next.instance, instance);
    assert.equal(next.set.length, 1);
    assert.deepEqual(await ask(url, pairOf(next.set)), { instance: next.instance, set: [] });
  });

  it('needs a secret, and a name and path that are some', () => {
    const LoadBalancerOptions = {
      Type: 'StickyCookie',
      CookieSecret: 'short',
      Key: 'a;b',
      CookiePath: '/;x',
    };
    assertProblems(problemsOf({ Routes: [{ ...ROUTE, LoadBalancerOptions }] }), [
      /CookieSecret: StickyCookie needs one of 16 bytes or more/,
      /Key: a;b is no name of a cookie/,
      /CookiePath: \/;x is no path/,
    ]);
  });
});

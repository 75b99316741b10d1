import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createTestBed, routeTo } from './gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const says =
  (text: string, status = 200): RequestListener =>
  (request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ text }));
  };

const at = (port: number) => ({ DownstreamHostAndPorts: [{ Host: '127.0.0.1', Port: port }] });

async function start(legacy: RequestListener, fresh: RequestListener, options: object, more: object = {}) {
  const [old, next] = [await bed.backend(legacy), await bed.backend(fresh)];
  const strangler = { StranglerOptions: { New: at(next), ...options } };
  return bed.start({ Routes: [routeTo(old, '/x', { Key: 'x', ...strangler, ...more })] });
}

async function textOf(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  return `${response.status} ${((await response.json()) as { text: string }).text}`;
}

describe('a route with two implementations', () => {
  it('answers with the one of its mode', async () => {
    for (const [Mode, text] of [
      ['Legacy', 'old'],
      ['New', 'new'],
    ]) {
      const { url } = await start(says('old'), says('new'), { Mode });
      assert.equal(await textOf(`${url}/x`), `200 ${text}`);
    }
  });

  it('falls back on chosen statuses, on failures, and not for a POST that may have had an effect', async () => {
    const options = { Mode: 'NewWithFallback', FallbackStatuses: [404, 501] };
    for (const status of [404, 501]) {
      const { url } = await start(says('old'), says('new', status), options);
      assert.equal(await textOf(`${url}/x`), '200 old');
      assert.equal(await textOf(`${url}/x`, { method: 'POST', body: 'x' }), `${status} new`);
    }
    const passed = await start(says('old'), says('new', 403), options);
    assert.equal(await textOf(`${passed.url}/x`), '403 new');
    const dying = await start(says('old'), (request) => request.socket.destroy(), options);
    assert.equal(await textOf(`${dying.url}/x`), '200 old');
    assert.equal((await fetch(`${dying.url}/x`, { method: 'POST', body: 'x' })).status, 502);
    assert.equal(dying.admin.stranglers.report()[0]?.fallbacks, 1);
  });

  it('falls back when the new side does not begin its answer in time', async () => {
    const options = { Mode: 'NewWithFallback' };
    const { url } = await start(says('old'), () => undefined, options, { QoSOptions: { Timeout: 150 } });
    assert.equal(await textOf(`${url}/x`), '200 old');
  });

  it('shows the error when both sides fail', async () => {
    const die: RequestListener = (request) => request.socket.destroy();
    const { url } = await start(die, die, { Mode: 'NewWithFallback' });
    assert.equal((await fetch(`${url}/x`)).status, 502);
  });

  it('splits its users by a header, each always on one side, in the given share', async () => {
    const { url } = await start(says('old'), says('new'), {
      Mode: 'Split',
      Percent: 30,
      StickyBy: 'Header:X-User',
    });
    const sideOf = (user: number) => textOf(`${url}/x`, { headers: { 'x-user': `user-${user}` } });
    const users = Array.from({ length: 200 }, (_, user) => user);
    const sides = await Promise.all(users.map(sideOf));
    assert.deepEqual(await Promise.all(users.map(sideOf)), sides);
    const share = sides.filter((side) => side === '200 new').length / users.length;
    assert.ok(share > 0.2 && share < 0.4, String(share));
  });

  it('shows the new side a copy, the client the old answer, and the operator the difference', async () => {
    const seen: string[] = [];
    const fresh: RequestListener = (request, response) => {
      seen.push(`${request.method} ${request.headers['x-gateway-shadow']}`);
      says('new')(request, response);
    };
    const { url, admin } = await start(says('old'), fresh, { Mode: 'Shadow' });
    assert.equal(await textOf(`${url}/x`), '200 old');
    assert.equal(await textOf(`${url}/x`, { method: 'POST', body: 'x' }), '200 old');
    const shadow = () => admin.stranglers.report()[0]?.shadow;
    await eventually('it is compared', () => shadow()?.different === 1);
    assert.deepEqual(seen, ['GET true']);
    assert.deepEqual(
      shadow()?.samples[0]?.differences.map(({ where }) => where),
      ['body.text'],
    );
  });

  it('finds equal sides equal, whatever the gateway adds to the client’s answer', async () => {
    const { url, admin } = await start(says('same'), says('same'), { Mode: 'Shadow' });
    for (let count = 0; count < 3; count += 1) assert.equal(await textOf(`${url}/x`), '200 same');
    await eventually('all are compared', () => admin.stranglers.report()[0]?.shadow.equal === 3);
  });

  it('is not touched by a new side that is away or never answers', async () => {
    const { url } = await start(says('old'), () => undefined, { Mode: 'Shadow' });
    assert.equal(await textOf(`${url}/x`), '200 old');
  });

  it('is switched while it serves', async () => {
    const { url, admin } = await start(says('old'), says('new'), { Mode: 'Legacy' });
    assert.equal(await textOf(`${url}/x`), '200 old');
    admin.stranglers.switch('x', { mode: 'new' }, 'test');
    assert.equal(await textOf(`${url}/x`), '200 new');
  });
});

describe('versions of one service', () => {
  it('share its requests by their weights, which can be changed', async () => {
    const [one, two] = [await bed.backend(says('v1')), await bed.backend(says('v2'))];
    const service = (port: number, tag: string) => ({
      Node: { Address: '127.0.0.1' },
      Service: { ID: tag, Service: 'order', Tags: [tag], Address: '127.0.0.1', Port: port },
      Checks: [],
    });
    const consul = await bed.backend((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '1' });
      response.end(JSON.stringify([service(one, 'v1'), service(two, 'v2')]));
    });
    const { url, admin } = await bed.start({
      Routes: [
        {
          Key: 'x',
          UpstreamPathTemplate: '/x',
          DownstreamPathTemplate: '/x',
          ServiceName: 'order',
          LoadBalancerOptions: { Type: 'RoundRobin' },
          Versions: [
            { Tag: 'v1', Weight: 75 },
            { Tag: 'v2', Weight: 25 },
          ],
        },
      ],
      GlobalConfiguration: {
        ServiceDiscoveryProvider: { Type: 'Consul', Host: '127.0.0.1', Port: consul },
      },
    });
    const shareOfTwo = async () => {
      const texts: string[] = [];
      for (let count = 0; count < 40; count += 1) texts.push(await textOf(`${url}/x`));
      return texts.filter((text) => text === '200 v2').length / texts.length;
    };
    const share = await shareOfTwo();
    assert.ok(share > 0.15 && share < 0.35, String(share));
    admin.backends.setWeights('x', { v1: 0, v2: 100 });
    assert.equal(await shareOfTwo(), 1);
  });
});

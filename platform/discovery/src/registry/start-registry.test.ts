import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import type { RegistryToken } from './acl.ts';
import { type Registry, startRegistry } from './start-registry.ts';

let registry: Registry;
before(async () => {
  registry = await startRegistry({ port: 0 });
});
after(() => registry.close());

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(`${registry.url}/v1/${path}`, {
    method,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    headers: response.headers,
    index: Number(response.headers.get('x-consul-index')),
  };
}

const register = (body: object) => call('PUT', 'agent/service/register', body);

async function healthy(query: string): Promise<{ entries: readonly HealthEntry[]; index: number }> {
  const { text, index } = await call('GET', `health/service/${query}`);
  return { entries: JSON.parse(text) as readonly HealthEntry[], index };
}

interface HealthEntry {
  readonly Node: { readonly Node: string };
  readonly Service: Record<string, unknown>;
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string; readonly Output: string }[];
}

const TTL = { TTL: '1m', Status: 'passing' };

describe('the registry', () => {
  it('registers with Consul’s defaults and answers an empty body', async () => {
    const { status, text } = await register({ Name: 'web', Port: 80 });
    assert.deepEqual([status, text], [200, '']);
    const { entries } = await healthy('web');
    const { CreateIndex, ModifyIndex, ...service } = entries[0]?.Service ?? {};
    assert.deepEqual(service, {
      ID: 'web',
      Service: 'web',
      Tags: [],
      Address: '',
      Meta: {},
      Port: 80,
      Weights: { Passing: 1, Warning: 1 },
      EnableTagOverride: false,
      TaggedAddresses: {},
      Proxy: {},
      Connect: {},
    });
    assert.ok(Number(CreateIndex) > 0 && Number(ModifyIndex) > 0);
    assert.equal(entries[0]?.Node.Node, 'localhost');
    assert.deepEqual(
      entries[0]?.Checks.map((check) => check.CheckID),
      ['serfHealth'],
    );
  });

  it('begins a check as critical, lists it all the same, and leaves it out of passing', async () => {
    await register({ ID: 'c-1', Name: 'critical', Check: { TTL: '1m' } });
    assert.equal((await healthy('critical')).entries[0]?.Checks[1]?.CheckID, 'service:c-1');
    for (const [flag, count] of [
      ['', 1],
      ['?passing', 0],
      ['?passing=1', 0],
      ['?passing=false', 1],
    ] as const)
      assert.equal((await healthy(`critical${flag}`)).entries.length, count, flag);
    await call('PUT', 'agent/check/pass/service%3Ac-1?note=fine');
    assert.equal((await healthy('critical?passing=true')).entries[0]?.Checks[1]?.Output, 'fine');
    await call('PUT', 'agent/check/warn/service:c-1');
    assert.equal((await healthy('critical?passing')).entries.length, 0);
    await call('PUT', 'agent/check/update/service:c-1', { Status: 'passing', Output: 'x' });
    assert.equal((await healthy('critical?passing')).entries.length, 1);
    assert.equal(
      (await call('GET', 'health/service/critical?passing=perhaps')).text,
      'Invalid value for ?passing',
    );
  });

  it('keeps the state of a check when the same service registers again', async () => {
    const service = { ID: 'k-1', Name: 'keep', Check: TTL };
    await register(service);
    await call('PUT', 'agent/check/fail/service:k-1');
    await register(service);
    assert.equal((await healthy('keep')).entries[0]?.Checks[1]?.Status, 'critical');
  });

  it('turns a silent check critical and says what it said last', async () => {
    await register({ ID: 't-1', Name: 'ttl', Check: { TTL: '100ms' } });
    await call('PUT', 'agent/check/pass/service:t-1?note=last words');
    const { index } = await healthy('ttl');
    const { entries } = await healthy(`ttl?index=${index}&wait=10s`);
    assert.equal(entries[0]?.Checks[1]?.Status, 'critical');
    assert.equal(
      entries[0]?.Checks[1]?.Output,
      'TTL expired (last output before timeout follows): last words',
    );
  });

  it('filters by all tags that are asked for', async () => {
    await register({ ID: 'g-1', Name: 'tagged', Tags: ['a', 'b'] });
    await register({ ID: 'g-2', Name: 'tagged', Tags: ['a'] });
    assert.equal((await healthy('tagged?tag=a')).entries.length, 2);
    assert.equal((await healthy('tagged?tag=a&tag=b')).entries.length, 1);
    const { text } = await call('GET', 'catalog/services');
    assert.deepEqual((JSON.parse(text) as Record<string, string[]>)['tagged'], ['a', 'b']);
  });

  it('answers in the words of Consul when something is wrong', async () => {
    for (const [method, path, body, status, text] of [
      ['PUT', 'agent/service/register', '{', 400, /^Request decode failed: /],
      ['PUT', 'agent/service/register', {}, 400, /^Missing service name$/],
      ['PUT', 'agent/service/register', { Name: 'x', Address: '0.0.0.0' }, 400, /^Invalid service address$/],
      [
        'PUT',
        'agent/service/register',
        { Name: 'x', Check: { TTL: 'soon' } },
        400,
        /^Request decode failed: time: invalid duration "soon"$/,
      ],
      [
        'PUT',
        'agent/service/register',
        { Name: 'x', Check: { TTL: '1s', Interval: '1s' } },
        400,
        /Interval and TTL cannot both/,
      ],
      [
        'PUT',
        'agent/service/deregister/nobody',
        undefined,
        404,
        /^Unknown service ID "nobody"\. Ensure that the service ID is passed/,
      ],
      [
        'PUT',
        'agent/check/pass/nothing',
        undefined,
        404,
        /^Unknown check ID "nothing"\. Ensure that the check ID is passed/,
      ],
      ['PUT', 'agent/check/update/x', { Status: 'fine' }, 400, /^Invalid check status: 'fine'$/],
      ['GET', 'health/service/x?index=abc', undefined, 400, /^Invalid index$/],
      ['GET', 'health/service/x?index=1&wait=soon', undefined, 400, /^Invalid wait time$/],
      ['GET', 'agent/service/register', undefined, 405, /^method GET not allowed$/],
      ['GET', 'nothing', undefined, 404, /^Invalid URL path/],
      ['GET', 'operator/raft/configuration', undefined, 501, /this registry does not have$/],
      ['PUT', 'event/fire/deploy', undefined, 501, /this registry does not have$/],
      ['PUT', 'query', undefined, 501, /this registry does not have$/],
      ['GET', 'agent/metrics', undefined, 501, /this registry does not have$/],
      ['GET', 'health/service/x?peer=other', undefined, 501, /does not know the parameter peer$/],
    ] as const) {
      const answer = await call(method, path, body);
      assert.equal(answer.status, status, path);
      assert.match(answer.text, text);
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
    }
  });

  it('refuses a body that is too large and lives on', async () => {
    assert.equal((await call('PUT', 'agent/service/register', 'x'.repeat(70_000))).status, 413);
    assert.equal((await call('GET', 'status/leader')).status, 200);
  });
});

describe('blocking queries', () => {
  it('answer at once without an index, also with a wait', async () => {
    const { entries, index } = await healthy('nobody?wait=10m');
    assert.deepEqual(entries, []);
    assert.ok(index > 1_600_000_000_000, 'indexes begin at the epoch in milliseconds');
  });

  it('are woken by a change of their service and by no other', async () => {
    await register({ ID: 'w-1', Name: 'watched' });
    const { index } = await healthy('watched');
    let woken = false;
    const waiting = healthy(`watched?index=${index}&wait=60s`).then((answer) => {
      woken = true;
      return answer;
    });
    await register({ ID: 'o-1', Name: 'other' });
    await call('PUT', 'agent/service/deregister/o-1');
    assert.equal(woken, false);
    await register({ ID: 'w-2', Name: 'watched' });
    const answer = await waiting;
    assert.equal(answer.entries.length, 2);
    assert.ok(answer.index > index);
  });

  it('are not woken by a heartbeat that changes nothing', async () => {
    await register({ ID: 'h-1', Name: 'beating', Check: TTL });
    const { index } = await healthy('beating');
    await call('PUT', 'agent/check/pass/service:h-1?note=again');
    assert.equal((await healthy('beating')).index, index);
  });

  it('end with the same answer when the wait is over', async () => {
    await register({ ID: 'e-1', Name: 'ended' });
    const { index } = await healthy('ended');
    const startedAt = performance.now();
    const answer = await healthy(`ended?index=${index}&wait=200ms`);
    assert.ok(performance.now() - startedAt >= 190);
    assert.equal(answer.index, index);
    assert.equal(answer.entries.length, 1);
  });

  it('tell of the last instance going away', async () => {
    await register({ ID: 'l-1', Name: 'last' });
    const { index } = await healthy('last');
    const waiting = healthy(`last?index=${index}&wait=60s`);
    await call('PUT', 'agent/service/deregister/l-1');
    const answer = await waiting;
    assert.deepEqual(answer.entries, []);
    assert.ok(answer.index > index);
  });

  it('are released when the registry closes, and indexes never go back', async () => {
    const first = await startRegistry({ port: 0 });
    await fetch(`${first.url}/v1/agent/service/register`, { method: 'PUT', body: '{"Name":"a"}' });
    const before = await fetch(`${first.url}/v1/health/service/a`);
    const index = Number(before.headers.get('x-consul-index'));
    const held = fetch(`${first.url}/v1/health/service/a?index=${index}&wait=60s`);
    await eventually('held', async () => (await fetch(`${first.url}/v1/status/leader`)).ok);
    await first.close();
    assert.equal((await held).status, 200);
    const second = await startRegistry({ port: Number(new URL(first.url).port) });
    const after = await fetch(`${second.url}/v1/health/service/a?index=${index}&wait=60s`);
    assert.ok(
      Number(after.headers.get('x-consul-index')) > index,
      'answered at once, not held on an old index',
    );
    await second.close();
  });
});

describe('with tokens', () => {
  const tokens: readonly RegistryToken[] = [
    { accessor: 'operator', secret: 'operator-secret', writes: 'all' },
    { accessor: 'order', secret: 'order-secret', writes: ['order'] },
    { accessor: 'cart', secret: 'cart-secret', writes: ['cart'] },
  ];
  let guarded: Registry;
  beforeEach(async () => {
    guarded = await startRegistry({ port: 0, tokens });
  });
  afterEach(() => guarded.close());

  async function send(method: string, path: string, headers: Record<string, string> = {}, body?: object) {
    const response = await fetch(`${guarded.url}/v1/${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    return [response.status, await response.text()] as const;
  }
  const as = (name: string) => ({ 'x-consul-token': `${name}-secret` });
  const order = { ID: 'order-1', Name: 'order', Check: TTL };
  const denied = (who: string, service: string) =>
    `Permission denied: ${who} lacks permission 'service:write' on "${service}"`;
  const cart = "token with AccessorID 'cart'";

  it('everybody may read and nobody may write without one, in the words of Consul', async () => {
    const anonymous = `${denied('anonymous token', 'order')}. The anonymous token is used implicitly when a request does not specify a token.`;
    assert.deepEqual(await send('PUT', 'agent/service/register', {}, order), [403, anonymous]);
    assert.deepEqual(await send('PUT', 'agent/service/register', as('order'), order), [200, '']);
    for (const path of ['agent/service/deregister/order-1', 'agent/check/fail/service:order-1'])
      assert.deepEqual(await send('PUT', path), [403, anonymous], path);
    assert.deepEqual(await send('PUT', 'agent/check/update/service:order-1', {}, { Status: 'critical' }), [
      403,
      anonymous,
    ]);
    const [status, text] = await send('GET', 'health/service/order?passing');
    assert.deepEqual([status, (JSON.parse(text) as unknown[]).length], [200, 1]);
  });

  it('the bearer writes what its token is for, and nothing else', async () => {
    await send('PUT', 'agent/service/register', as('order'), order);
    assert.deepEqual(await send('PUT', 'agent/service/register', as('cart'), order), [
      403,
      denied(cart, 'order'),
    ]);
    const takeover = { ID: 'order-1', Name: 'cart' };
    assert.deepEqual(await send('PUT', 'agent/service/register', as('cart'), takeover), [
      403,
      denied(cart, 'order'),
    ]);
    assert.deepEqual(await send('PUT', 'agent/service/deregister/order-1', as('cart')), [
      403,
      denied(cart, 'order'),
    ]);
    assert.deepEqual(await send('PUT', 'agent/check/fail/service:order-1', as('cart')), [
      403,
      denied(cart, 'order'),
    ]);
    assert.deepEqual(await send('PUT', 'agent/service/deregister/nobody', as('cart')), [
      404,
      'Unknown service ID "nobody". Ensure that the service ID is passed, not the service name.',
    ]);
    const bearer = { authorization: 'Bearer operator-secret' };
    assert.deepEqual(await send('PUT', 'agent/service/deregister/order-1', bearer), [200, '']);
  });

  it('a check that borrows the id of another service’s check stands in nobody’s way', async () => {
    const decoy = { Name: 'cart', Check: { ...TTL, CheckID: 'service:order-1' } };
    assert.deepEqual(await send('PUT', 'agent/service/register', as('cart'), decoy), [200, '']);
    await send('PUT', 'agent/service/register', as('order'), order);
    assert.deepEqual(await send('PUT', 'agent/check/fail/service:order-1', as('order')), [200, '']);
    const passing = async (service: string) =>
      (JSON.parse((await send('GET', `health/service/${service}?passing`))[1]) as unknown[]).length;
    assert.deepEqual([await passing('order'), await passing('cart')], [0, 1]);
  });

  it('an unknown one is refused whatever is asked', async () => {
    assert.deepEqual(await send('GET', 'health/service/order', as('nobody')), [403, 'ACL not found']);
    assert.deepEqual(await send('PUT', 'agent/service/register', as('nobody'), order), [
      403,
      'ACL not found',
    ]);
  });
});

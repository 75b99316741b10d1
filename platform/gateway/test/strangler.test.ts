import assert from 'node:assert/strict';
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics, type Logger, silentLogger } from '@flotilla/telemetry';
import { createBackends } from '../src/backends/create-backends.ts';
import type { StranglerConfig } from '../src/policies/strangler/config.ts';
import { canFallBack, decide, percentileOf, userOf } from '../src/policies/strangler/decide.ts';
import { createStranglers, type StranglerReport } from '../src/strangler/create-stranglers.ts';
import type { ShadowTap } from '../src/strangler/shadow.ts';
import { fieldName } from '../src/wire/rules/field-names.ts';
import { noFields, setField } from '../src/wire/rules/fields.ts';
import {
  createManualTimers,
  createPlainBackendClient,
  exchangeWith,
  hosts,
  listen,
  QUIET,
  routeWith,
} from './backends.ts';

const ADDRESS = { kind: 'address' } as const;

function post() {
  const exchange = exchangeWith();
  return { ...exchange, request: { ...exchange.request, method: 'POST' as const } };
}

describe('who answers', () => {
  const plan = (mode: StranglerConfig['mode'], percent = 50, lot = 0) =>
    decide(exchangeWith(), { mode, percent }, ADDRESS, lot);

  it('follows the mode', () => {
    assert.deepEqual(plan('legacy'), { first: 'legacy', fallback: undefined, isShadowed: false });
    assert.deepEqual(plan('new'), { first: 'new', fallback: undefined, isShadowed: false });
    assert.deepEqual(plan('new-with-fallback'), { first: 'new', fallback: 'legacy', isShadowed: false });
    assert.deepEqual(plan('legacy-with-fallback'), { first: 'legacy', fallback: 'new', isShadowed: false });
    assert.deepEqual(plan('shadow'), { first: 'legacy', fallback: undefined, isShadowed: true });
    assert.equal(plan('shadow', 50, 50).isShadowed, false);
  });

  it('a split keeps each user on one side, and who is in 10 % is in 20 % too', () => {
    const users = Array.from({ length: 5_000 }, (_, at) => `user-${at}`);
    const onNew = (percent: number) =>
      users.filter((user) => {
        const exchange = exchangeWith({ 'X-User': user });
        const config = { kind: 'header', name: 'x-user' } as const;
        const sides = [0, 99].map((lot) => decide(exchange, { mode: 'split', percent }, config, lot).first);
        assert.equal(sides[0], sides[1], 'chance has no part in it');
        return sides[0] === 'new';
      });
    assert.equal(onNew(0).length, 0);
    assert.equal(onNew(100).length, users.length);
    const ten = onNew(10);
    const twenty = new Set(onNew(20));
    assert.ok(ten.every((user) => twenty.has(user)));
    assert.ok(Math.abs(ten.length - 500) < 75, `${ten.length} of 5,000 are 10 %`);
    assert.ok(Math.abs(twenty.size - 1000) < 100, `${twenty.size} of 5,000 are 20 %`);
  });

  it('addresses that are neighbours are spread too', () => {
    const low = Array.from({ length: 256 }, (_, at) => percentileOf(`10.0.0.${at}`)).filter((p) => p < 50);
    assert.ok(low.length > 96 && low.length < 160, `${low.length} of 256`);
  });

  it('the user is the header, the claim, or else the address', () => {
    const claims = new Map([['sub', ['ann']]]);
    const exchange = exchangeWith({ 'X-User': 'bob' }, { claims, clientAddress: '10.0.0.1' });
    assert.equal(userOf(exchange, { kind: 'header', name: 'x-user' }), 'bob');
    assert.equal(userOf(exchange, { kind: 'claim', name: 'sub' }), 'ann');
    assert.equal(userOf(exchange, { kind: 'claim', name: 'tenant' }), '10.0.0.1');
    assert.equal(userOf(exchange, ADDRESS), '10.0.0.1');
    const ofIpv6 = exchangeWith({}, { clientAddress: '2001:db8:1:2:a:b:c:d' });
    for (const stickyBy of [ADDRESS, { kind: 'claim', name: 'sub' } as const])
      assert.equal(userOf(ofIpv6, stickyBy), '2001:db8:1:2::/64');
  });

  it('only what has no effects and no body is copied', () => {
    const shadow = { mode: 'shadow', percent: 100 } as const;
    assert.equal(decide(post(), shadow, ADDRESS, 0).isShadowed, false);
    const withBody = exchangeWith();
    const framing = { kind: 'length', bytes: 1 } as const;
    const request = { ...withBody.request, framing };
    assert.equal(decide({ ...withBody, request }, shadow, ADDRESS, 0).isShadowed, false);
  });

  it('the other side is asked only if nothing can be done twice', () => {
    assert.equal(canFallBack(exchangeWith(), 'status'), true);
    assert.equal(canFallBack(exchangeWith(), 'unanswered'), true);
    const order = { ...post(), outgoing: { method: 'POST', fields: noFields(), query: new Map() } };
    assert.equal(canFallBack(order, 'status'), false);
    assert.equal(canFallBack(order, 'unanswered'), false);
    assert.equal(canFallBack(order, 'not-sent'), true);
    const request = { ...order.request, framing: { kind: 'chunked' } as const };
    assert.equal(canFallBack({ ...order, request }, 'not-sent'), false, 'the body may be used up');
  });
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Bed {
  readonly report: () => StranglerReport;
  /** Asks as the client would, with this answer of the legacy side; resolves when the copy is judged. */
  readonly ask: (
    legacy: object | string,
    more?: { readonly path?: string; readonly status?: number },
  ) => Promise<void>;
  readonly start: () => ShadowTap | undefined;
  readonly lines: object[];
  readonly stranglers: ReturnType<typeof createStranglers>;
  readonly timers: ReturnType<typeof createManualTimers>;
  readonly seen: IncomingHttpHeaders[];
  readonly metrics: ReturnType<typeof createMetrics>;
}

const CONFIG: StranglerConfig = {
  mode: 'shadow',
  target: { kind: 'hosts', hosts: [] },
  scheme: 'http',
  pathTemplate: undefined,
  percent: 100,
  stickyBy: ADDRESS,
  fallbackStatuses: [404, 501],
  ignore: ['generatedAt', 'items.*.stamp', 'Cache-Control'],
};

async function startBed(newSide: RequestListener, more: Partial<StranglerConfig> = {}): Promise<Bed> {
  const seen: IncomingHttpHeaders[] = [];
  const { port, close } = await listen((request, response) => {
    seen.push(request.headers);
    newSide(request, response);
  });
  const timers = createManualTimers();
  const backendClient = createPlainBackendClient();
  const metrics = createMetrics();
  const lines: object[] = [];
  const logger: Logger = { ...silentLogger, info: (fields, message) => lines.push({ ...fields, message }) };
  const backends = createBackends({
    config: { routes: [], discovery: undefined, dynamic: undefined },
    backendClient,
    timers,
    clock: systemClock,
    logger: QUIET,
    metrics,
  });
  const { poolFor } = backends;
  const stranglers = createStranglers({
    poolFor,
    backendClient,
    timers,
    clock: systemClock,
    logger,
    metrics,
  });
  cleanups.push(close, backends.close);
  const target = { kind: 'hosts', hosts: hosts(port) } as const;
  const route = routeWith({ key: 'orders', strangler: { ...CONFIG, target, ...more } });
  const strangler = stranglers.stranglerFor(route);
  assert.ok(strangler);
  const report = () => stranglers.report()[0] as StranglerReport; // there is the one route
  const fields = noFields();
  setField(fields, fieldName('Authorization'), 'Bearer client');
  const copy = (path: string) => {
    const exchange = exchangeWith();
    const target = { path: path.split('?')[0] ?? '', query: '', withoutParameters: path };
    assert.equal(strangler.sideFor(exchange).isShadowed, true);
    return strangler.shadow(
      { ...exchange, request: { ...exchange.request, target } },
      { method: 'GET', target: path, fields },
    );
  };
  const answer = (tap: ReturnType<typeof copy>, body: object | string, status = 200): void => {
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const answerFields = noFields();
    setField(answerFields, fieldName('Content-Type'), 'application/json');
    setField(answerFields, fieldName('Set-Cookie'), 'sid=secret');
    tap?.head({ status, reason: '', fields: answerFields, bodyBytes: undefined });
    tap?.data(bytes);
    bytes.fill(0); // the buffer is the connection's
    tap?.end();
  };
  const judged = () => {
    const { equal, different, partly, failed, incomplete } = report().shadow;
    return equal + different + partly + failed + incomplete;
  };
  return {
    report,
    lines,
    stranglers,
    timers,
    seen,
    metrics,
    start: () => copy('/orders/7'),
    ask: async (legacy, { path = '/orders/7', status } = {}) => {
      const before = judged();
      answer(copy(path), legacy, status);
      await eventually('it is judged', () => judged() > before);
    },
  };
}

const json =
  (body: object | string, status = 200, headers = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

describe('the shadow', () => {
  it('finds equal answers equal: order of members, ignored paths and headers do not matter', async () => {
    const items = [{ id: 1, a: { stamp: 1 } }];
    const bed = await startBed(
      json({ items: [{ a: { stamp: 2 }, id: 1 }], generatedAt: 'now' }, 200, { 'cache-control': 'no-store' }),
    );
    await bed.ask({ generatedAt: 'then', items });
    assert.deepEqual(bed.report().shadow, {
      copied: 1,
      equal: 1,
      different: 0,
      partly: 0,
      failed: 0,
      incomplete: 0,
      dropped: 0,
      samples: [],
    });
    assert.equal(bed.seen[0]?.['x-gateway-shadow'], 'true');
    assert.equal(bed.seen[0]?.authorization, 'Bearer client', 'or the new side could not answer');
    assert.match(bed.metrics.render(), /gateway_shadow_total\{http_route="\/x",result="equal"\} 1/);
  });

  it('records differences as samples that say nothing secret', async () => {
    const bed = await startBed(
      json({ total: 12, items: [{ id: 1 }], apiToken: 'b', note: 'x'.repeat(500) }, 201, {
        location: '/a',
        'set-cookie': 'sid=other',
      }),
    );
    await bed.ask(
      { total: 10, items: [{ id: 1 }, { id: 2 }], apiToken: 'a' },
      { path: '/orders/7?token=secret' },
    );
    const [sample] = bed.report().shadow.samples;
    assert.equal(sample?.path, '/orders/7');
    assert.deepEqual(sample.differences.slice(0, 5), [
      { where: 'status', legacy: '200', new: '201' },
      { where: 'header location', legacy: undefined, new: '/a' },
      { where: 'body.total', legacy: '10', new: '12' },
      { where: 'body.items[1]', legacy: '{…}', new: undefined },
      { where: 'body.apiToken', legacy: '***', new: '***' },
    ]);
    const text = JSON.stringify(sample);
    assert.ok(text.length < 1_000 && !/sid=|Bearer|secret/.test(text), text);
  });

  it('keeps the last samples only', async () => {
    const bed = await startBed(json({ a: 1 }));
    for (let at = 0; at < 25; at += 1) await bed.ask({ a: at + 2 }, { path: `/${at}` });
    const { samples, different } = bed.report().shadow;
    assert.equal(different, 25);
    assert.deepEqual([samples.length, samples[0]?.path, samples.at(-1)?.path], [20, '/5', '/24']);
  });

  it('reads compressed bodies, and says when a body could not be compared', async () => {
    const zipped: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync('{"a": 1}'));
    };
    const bed = await startBed(zipped);
    await bed.ask('{"a":1}');
    assert.equal(bed.report().shadow.equal, 1);
    await bed.ask(`"${'x'.repeat(300_000)}"`);
    assert.equal(bed.report().shadow.partly, 1);
  });

  it('a new side that fails, breaks or is silent is counted, and no more', async () => {
    const gone = await startBed((request) => request.socket.destroy());
    await gone.ask({ a: 1 });
    assert.equal(gone.report().shadow.failed, 1);

    const silent = await startBed(() => undefined);
    const tap = silent.start();
    tap?.head({ status: 200, reason: '', fields: noFields(), bodyBytes: 0 });
    tap?.end();
    await eventually('it was asked', () => silent.seen.length === 1);
    silent.timers.advance(10_000);
    assert.equal(silent.report().shadow.failed, 1);
    assert.equal(silent.timers.pending, 0);

    const nobody = await startBed(json({}), { target: { kind: 'hosts', hosts: [] } });
    await nobody.ask({});
    assert.equal(nobody.report().shadow.failed, 1);
  });

  it("is not judged when the client's own answer did not become complete", async () => {
    const bed = await startBed(json({}));
    bed.start()?.lost();
    assert.equal(bed.report().shadow.incomplete, 1);
    bed.timers.advance(10_000);
    assert.equal(bed.report().shadow.failed, 0, 'and only once');
  });

  it('copies at most twenty at a time', async () => {
    const bed = await startBed(() => undefined);
    const taps = Array.from({ length: 25 }, () => bed.start());
    assert.equal(taps.filter((tap) => tap === undefined).length, 5);
    assert.equal(bed.report().shadow.dropped, 5);
    taps[0]?.lost();
    assert.ok(bed.start());
  });
});

describe('switching', () => {
  it('holds at once, over reloads that leave the route alone, and is recorded', async () => {
    const bed = await startBed(json({}));
    const [{ route: id }] = bed.stranglers.report() as [StranglerReport];
    assert.equal(id, 'orders');
    assert.deepEqual(bed.stranglers.switch(id, { mode: 'split', percent: 5 }, 'ann'), {
      mode: 'split',
      percent: 5,
    });
    assert.deepEqual(bed.lines, [
      {
        audit: true,
        actor: 'ann',
        what: 'strangler of orders',
        from: { mode: 'shadow', percent: 100 },
        to: { mode: 'split', percent: 5 },
        message: 'an operator changed the gateway',
      },
    ]);
    assert.equal(bed.stranglers.switch('nobody', { mode: 'new' }, 'ann'), undefined);
    assert.throws(() => bed.stranglers.switch(id, { percent: 101 }, 'ann'), RangeError);
    assert.throws(() => bed.stranglers.switch(id, { percent: Number.NaN }, 'ann'), RangeError);

    const route = routeWith({ key: 'orders', strangler: CONFIG });
    const first = bed.stranglers.stranglerFor(route);
    bed.stranglers.switch(id, { mode: 'new' }, 'ann');
    const same = structuredClone(route);
    bed.stranglers.retain([same]);
    assert.equal(bed.stranglers.stranglerFor(same), first);
    assert.equal(first?.sideFor(exchangeWith()).first, 'new');
    assert.equal(bed.report().new, 1);
    const changed = bed.stranglers.stranglerFor({ ...route, strangler: { ...CONFIG, mode: 'legacy' } });
    assert.equal(changed?.sideFor(exchangeWith()).first, 'legacy');
    bed.stranglers.retain([]);
    assert.deepEqual(bed.stranglers.report(), []);
  });

  it('the new side has its own target and template, and no strangler', async () => {
    const bed = await startBed(json({}));
    const target = { kind: 'service', service: 'orders-v2', namespace: undefined } as const;
    const strangler = { ...CONFIG, target, scheme: 'https', pathTemplate: '/v2/{id}' } as const;
    const side = bed.stranglers.stranglerFor(routeWith({ name: '/orders/{id}', strangler }))?.newSide;
    assert.deepEqual(
      [side?.target, side?.scheme, side?.downstreamTemplate, side?.strangler, side?.name],
      [target, 'https', '/v2/{id}', undefined, '/orders/{id}'],
    );
    assert.equal(bed.stranglers.stranglerFor(routeWith()), undefined);
  });

  it('says which statuses make the other side answer', async () => {
    const bed = await startBed(json({}));
    const strangler = bed.stranglers.stranglerFor(routeWith({ key: 'orders', strangler: CONFIG }));
    assert.deepEqual(
      [404, 500, 501].map((status) => strangler?.fallsBackOn(status)),
      [true, false, true],
    );
    strangler?.countFallback();
    assert.equal(bed.report().fallbacks, 1);
  });
});

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { createStaticResolver } from '@flotilla/discovery';
import { eventually } from '@flotilla/kernel/testing';
import type { Exchange } from '../src/exchange.ts';
import type { DelegatingHandler } from '../src/policies/delegating-handlers/handlers.ts';
import { fieldName } from '../src/wire/rules/field-names.ts';
import { appendField, fieldValue, setField } from '../src/wire/rules/fields.ts';
import type { ResponseHead } from '../src/wire/rules/response.ts';
import { createTestBed, openRaw, routeTo, sendRaw } from './gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

/** A back end that answers as it is told, and counts. */
async function controlled(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const state = { answer, requests: 0, port: 0 };
  state.port = await bed.backend((request, response) => {
    state.requests += 1;
    request.resume();
    state.answer(request, response);
  });
  return state;
}

const ok = (_: IncomingMessage, response: ServerResponse) => response.end('ok');
const failing = (_: IncomingMessage, response: ServerResponse) => response.writeHead(503).end();
const dying = (request: IncomingMessage) => request.socket.destroy();

const status = async (url: string, init?: RequestInit) => (await fetch(url, init)).status;

describe('retries', () => {
  const toService = (more: object = {}) => ({
    Routes: [
      {
        UpstreamPathTemplate: '/x',
        DownstreamPathTemplate: '/x',
        ServiceName: 'order',
        LoadBalancerOptions: { Type: 'RoundRobin' },
        HealthCheckOptions: { Passive: { ConsecutiveFailures: 0 } },
        ...more,
      },
    ],
  });
  const resolverOf = (...ports: number[]) =>
    createStaticResolver({ order: ports.map((port) => `127.0.0.1:${port}`) });

  it('of chosen statuses go to another instance, never for a POST', async () => {
    const [bad, good] = [await controlled(failing), await controlled(ok)];
    const config = toService({ RetryOptions: { Statuses: [503], BudgetPercent: 100 } });
    const { url } = await bed.start(config, { resolver: resolverOf(bad.port, good.port) });
    for (let count = 0; count < 6; count += 1) assert.equal(await status(`${url}/x`), 200);
    assert.ok(bad.requests >= 3);
    const posts = [];
    for (let count = 0; count < 4; count += 1)
      posts.push(await status(`${url}/x`, { method: 'POST', body: 'x' }));
    assert.ok(posts.includes(503) && posts.includes(200), String(posts));
  });

  it('without chosen statuses pass a failure on as it is', async () => {
    const bad = await controlled(failing);
    const { url } = await bed.start({ Routes: [routeTo(bad.port, '/x')] });
    assert.equal(await status(`${url}/x`), 503);
    assert.equal(bad.requests, 1);
  });

  it('end with their number, and the last answer is passed on', async () => {
    const bad = await controlled(failing);
    const retries = { RetryOptions: { Retries: 3, Statuses: [503], BudgetPercent: 100 } };
    const { url } = await bed.start({ Routes: [routeTo(bad.port, '/x', retries)] });
    assert.equal(await status(`${url}/x`), 503);
    assert.equal(bad.requests, 4);
  });

  it('stay within the budget of the route: an outage is not doubled', async () => {
    const bad = await controlled(dying);
    const { url } = await bed.start({ Routes: [routeTo(bad.port, '/x')] });
    const count = 200;
    const startedAt = performance.now();
    const statuses = await Promise.all(Array.from({ length: count }, () => status(`${url}/x`)));
    assert.deepEqual([...new Set(statuses)], [502]);
    const retried = bad.requests - count;
    // 20 % of the requests, and three a second beside.
    const allowed = count * 0.2 + 3 * (1 + Math.ceil((performance.now() - startedAt) / 1_000));
    assert.ok(retried >= 3 && retried <= allowed, `${retried} of ${count} requests were repeated`);
    assert.match(bed.metrics.render(), /gateway_retries_total\{http_route="\/x",why="closed"\} \d/);
  });

  it('are none without a budget', async () => {
    const bad = await controlled(dying);
    const { url } = await bed.start({
      Routes: [routeTo(bad.port, '/x', { RetryOptions: { BudgetPercent: 0 } })],
    });
    assert.equal(await status(`${url}/x`), 502);
    assert.equal(bad.requests, 1);
  });
});

describe('the circuit breaker of a route', () => {
  const QOS = { QoSOptions: { MinimumThroughput: 2, BreakDuration: 2_500 } };

  it('opens after failures, spares the back end, and closes with one good trial', async () => {
    const backend = await controlled(failing);
    const { url } = await bed.start({ Routes: [routeTo(backend.port, '/x', { Key: 'x', ...QOS })] });
    assert.deepEqual([await status(`${url}/x`), await status(`${url}/x`)], [503, 503]);
    const refused = await fetch(`${url}/x`);
    assert.equal(refused.status, 503);
    assert.equal(await refused.text(), 'Circuit breaker is open for route -> /x');
    assert.equal(backend.requests, 2);
    backend.answer = ok;
    await eventually('the circuit closes', async () => (await status(`${url}/x`)) === 200, 60_000, 50);
    assert.deepEqual([await status(`${url}/x`), await status(`${url}/x`)], [200, 200]);
  });

  it('is not kept open by a trial whose client went away', async () => {
    const backend = await controlled(failing);
    const { url, admin } = await bed.start({ Routes: [routeTo(backend.port, '/x', QOS)] });
    await status(`${url}/x`);
    await status(`${url}/x`);
    assert.equal(admin.backends.states()[0]?.breaker, 'open');
    const arrived = Promise.withResolvers<void>();
    backend.answer = () => arrived.resolve();
    const trials: AbortController[] = [];
    const askForever = () => {
      const trial = new AbortController();
      trials.push(trial);
      void fetch(`${url}/x`, { signal: trial.signal }).catch(() => undefined);
    };
    await eventually('a trial is under way', () => {
      askForever();
      return admin.backends.states()[0]?.breaker === 'half-open';
    });
    await arrived.promise;
    backend.answer = ok;
    for (const trial of trials) trial.abort();
    await eventually('the next one is the trial', async () => (await status(`${url}/x`)) === 200);
  });
});

describe('time', () => {
  it('ends a request by QoS with its own text', async () => {
    const silent = await controlled(() => undefined);
    const { url } = await bed.start({
      Routes: [routeTo(silent.port, '/x', { QoSOptions: { Timeout: 150 } })],
    });
    const refused = await fetch(`${url}/x`);
    assert.equal(refused.status, 504);
    assert.equal(await refused.text(), 'Request timeout for route -> /x');
  });

  it('is for the beginning of an answer: the rest may take longer, until the client leaves', async () => {
    const parts = Promise.withResolvers<ServerResponse>();
    const gone = Promise.withResolvers<void>();
    const backend = await controlled((request, response) => {
      response.write('part');
      request.socket.on('close', () => gone.resolve());
      parts.resolve(response);
    });
    const { url } = await bed.start({
      Routes: [routeTo(backend.port, '/x', { QoSOptions: { Timeout: 1_000 } })],
    });
    const client = await openRaw(url);
    client.write('GET /x HTTP/1.1\r\nHost: h\r\n\r\n');
    const response = await parts.promise;
    await new Promise((resolve) => setTimeout(resolve, 1_300)); // what is proved is that nothing happens
    response.write('more');
    await client.until(/part.*more/s);
    client.socket.destroy();
    await gone.promise;
  });
});

describe('code of the user that throws', () => {
  const boom = (): never => {
    throw new Error('a mistake');
  };
  const handled = (port: number, more: object = {}) => ({
    Routes: [routeTo(port, '/x', { DelegatingHandlers: ['Own'], ...more })],
  });
  const QOS = { QoSOptions: { MinimumThroughput: 2, BreakDuration: 600 } };

  it('before the request is sent costs the client a 500 and nobody else anything', async () => {
    const backend = await controlled(ok);
    for (const request of [boom, async () => boom()]) {
      const { url, admin, complaints } = await bed.start(handled(backend.port), {
        handlers: { Own: { request } },
      });
      const refused = await fetch(`${url}/x`);
      assert.equal(refused.status, 500);
      const problem = (await refused.json()) as Record<string, unknown>;
      assert.equal(problem['code'], 'internal-error');
      assert.doesNotMatch(JSON.stringify(problem), /mistake/);
      assert.deepEqual(complaints, ['the request could not be handled']);
      assert.equal(admin.limits().inFlight, 0);
    }
    assert.equal(backend.requests, 0);
  });

  it('on the answer gives the connection, the instance and the circuit back', async () => {
    const backend = await controlled(ok);
    let isBroken = true;
    const answer = (_: Exchange, head: ResponseHead) => (isBroken ? boom() : head);
    const { url, admin } = await bed.start(handled(backend.port, QOS), { handlers: { Own: { answer } } });
    backend.answer = (_, response) => response.write('and so on');
    for (let count = 0; count < 5; count += 1) assert.equal(await status(`${url}/x`), 500);
    const state = admin.backends.states()[0];
    assert.equal(state?.breaker, 'closed');
    assert.equal(state?.instances[0]?.inFlight, 0);
    isBroken = false;
    backend.answer = ok;
    assert.equal(await status(`${url}/x`), 200);
    assert.equal(admin.limits().inFlight, 0);
  });

  it('in a half-open circuit leaves it to the next request to close it', async () => {
    const backend = await controlled(failing);
    let isBroken = false;
    const answer = (_: Exchange, head: ResponseHead) => (isBroken ? boom() : head);
    const { url, admin } = await bed.start(handled(backend.port, QOS), { handlers: { Own: { answer } } });
    await status(`${url}/x`);
    await status(`${url}/x`);
    backend.answer = ok;
    isBroken = true;
    await eventually('a trial was made', async () => (await status(`${url}/x`)) === 500, 60_000, 50);
    isBroken = false;
    await eventually('the circuit closes', async () => (await status(`${url}/x`)) === 200, 60_000, 20);
    assert.equal(admin.backends.states()[0]?.breaker, 'closed');
  });

  it('as a load balancer costs the client a 500 too', async () => {
    const backend = await controlled(ok);
    const { url, admin } = await bed.start(
      { Routes: [routeTo(backend.port, '/x', { LoadBalancerOptions: { Type: 'Mine' }, ...QOS })] },
      { balancers: new Map([['Mine', () => boom]]) },
    );
    for (let count = 0; count < 5; count += 1) assert.equal(await status(`${url}/x`), 500);
    assert.equal(admin.backends.states()[0]?.breaker, 'closed');
    assert.equal(admin.limits().inFlight, 0);
  });

  it('for a cached route does not keep those waiting who ask for the same', async () => {
    const backend = await controlled(ok);
    const answer = () => boom();
    const { url } = await bed.start(handled(backend.port, { FileCacheOptions: { TtlSeconds: 60 } }), {
      handlers: { Own: { answer } },
    });
    const statuses = await Promise.all(Array.from({ length: 10 }, () => status(`${url}/x`)));
    assert.deepEqual([...new Set(statuses)], [500]);
  });
});

describe('delegating handlers', () => {
  const ORDER = fieldName('X-Order');

  it('edit the request and the answer, in their order, and may answer themselves', async () => {
    const backend = await controlled((request, response) => {
      response.setHeader('x-seen', String(request.headers['x-order']));
      response.end('ok');
    });
    const config = {
      Routes: [
        routeTo(backend.port, '/x', { DelegatingHandlers: ['First', 'Second'] }),
        routeTo(backend.port, '/teapot', { DelegatingHandlers: ['Teapot', 'First'] }),
      ],
    };
    const stamp = (mark: string): DelegatingHandler => ({
      request: ({ outgoing: { fields } }) => {
        setField(fields, ORDER, `${fieldValue(fields, 'x-order') ?? ''}${mark}`);
        return undefined;
      },
      answer: (_, head) => {
        appendField(head.fields, ORDER, mark);
        return head;
      },
    });
    const { url } = await bed.start(config, {
      handlers: {
        First: stamp('1'),
        Second: stamp('2'),
        Teapot: { request: () => ({ status: 418, code: 'teapot' }) },
      },
    });
    const response = await fetch(`${url}/x`);
    assert.equal(response.headers.get('x-seen'), '12');
    assert.equal(response.headers.get('x-order'), '1, 2');
    const teapot = await fetch(`${url}/teapot`);
    assert.equal(teapot.status, 418);
    assert.equal(((await teapot.json()) as { code: string }).code, 'teapot');
    assert.equal(backend.requests, 1);
  });
});

describe('a client that leaves while a step still waits', () => {
  it('is not asked for at the back end', async () => {
    const backend = await controlled(ok);
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<undefined>();
    const request = () => {
      arrived.resolve();
      return go.promise;
    };
    const { url, admin } = await bed.start(
      { Routes: [routeTo(backend.port, '/x', { DelegatingHandlers: ['Slow'] })] },
      { handlers: { Slow: { request } } },
    );
    const client = await openRaw(url);
    client.write('GET /x HTTP/1.1\r\nHost: h\r\n\r\n');
    await arrived.promise;
    client.socket.resetAndDestroy();
    await eventually('it has gone', () => admin.limits().inFlight === 0);
    go.resolve(undefined);
    await status(`${url}/x`);
    assert.equal(backend.requests, 1, 'that of the second client');
  });
});

describe('a back end that answers while the body still arrives', () => {
  const START = 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n';

  it('and closes its connection: the client gets the answer, and its connection ends', async () => {
    const port = await bed.rawBackend((got) =>
      got.includes('\r\n\r\nx')
        ? 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!'
        : undefined,
    );
    const { url, admin } = await bed.start({ Routes: [routeTo(port, '/x')] });
    const client = await openRaw(url);
    client.write(`${START}${'x'.repeat(1_000)}`);
    assert.match(await client.until(/no!/), /^HTTP\/1\.1 413 /);
    client.write('x'.repeat(299_000));
    client.write('GET /x HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually('the exchange is over', () => admin.limits().inFlight === 0);
    client.socket.destroy();
  });

  it('and goes on reading: the answer is passed on at once, and the next request is served', async () => {
    const backend = await controlled((request, response) => {
      request.once('data', () => response.end('early'));
    });
    const { url } = await bed.start({ Routes: [routeTo(backend.port, '/x')] });
    const client = await openRaw(url);
    client.write(`${START}${'x'.repeat(1_000)}`);
    assert.match(await client.until(/early/), /^HTTP\/1\.1 200 /);
    client.write('x'.repeat(299_000));
    backend.answer = ok;
    client.write('GET /x HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.until(/early.*HTTP\/1\.1 200 .*ok$/s);
    client.socket.destroy();
    assert.match(await sendRaw(url, 'GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'), /ok$/);
  });
});

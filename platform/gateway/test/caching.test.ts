import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { createManualClock, eventually } from '@flotilla/kernel/testing';
import { createTestBed, openRaw, routeTo } from './gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

type ClientResponse = (request: IncomingMessage, response: ServerResponse) => void;

/** A cached route, whose back end answers with the number of the request unless it is told otherwise. */
async function start(cache: object = {}, more: object = {}) {
  const counting: ClientResponse = (_, response) => response.end(String(state.requests));
  const state = { requests: 0, answer: counting, counting };
  const port = await bed.backend((request, response) => {
    state.requests += 1;
    state.answer(request, response);
  });
  const clock = createManualClock();
  const FileCacheOptions = { TtlSeconds: 60, ...cache };
  const gateway = await bed.start(
    { Routes: [routeTo(port, '/c/{x}', { FileCacheOptions, ...more })] },
    { clock },
  );
  const ask = async (path = '/c/1') => {
    const response = await fetch(`${gateway.url}${path}`);
    return `${response.status} ${await response.text()}`;
  };
  return { ...gateway, state, clock, ask };
}

/** The key has the host in it. */
function getOf(url: string): string {
  return `GET /c/1 HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`;
}

describe('a cached route', () => {
  it('fetches once for all who ask at the same time', async () => {
    const { ask, state } = await start();
    const go = Promise.withResolvers<void>();
    state.answer = async (_, response) => {
      await go.promise;
      response.end('one');
    };
    const asked = Array.from({ length: 50 }, () => ask());
    await eventually('one is fetched', () => state.requests === 1);
    go.resolve();
    assert.deepEqual([...new Set(await Promise.all(asked))], ['200 one']);
    assert.equal(state.requests, 1);
  });

  it('lets nobody wait longer for another’s fetch than its own route allows', async () => {
    const { ask, state, url, admin } = await start({}, { QoSOptions: { Timeout: 800 } });
    // The first one gets the head in time, and its body never ends: whoever waits for it must not.
    state.answer = (_, response) => response.write('part');
    const first = await openRaw(url);
    first.write(getOf(url));
    await first.until(/part/);
    const startedAt = performance.now();
    assert.match(await ask(), /^504 /);
    assert.ok(
      performance.now() - startedAt < 1_900,
      'the time of its route, not the two seconds of the fetch',
    );
    first.socket.destroy();
    state.answer = state.counting;
    await eventually('the next one fetches', async () => (await ask()).startsWith('200 '));
    await eventually('nothing is left', () => admin.limits().inFlight === 0);
  });

  it('lets somebody else fetch when the first one goes away', async () => {
    const { ask, state, url, admin } = await start();
    const inFlight = () => admin.limits().inFlight;
    state.answer = () => undefined;
    const first = await openRaw(url);
    first.write(getOf(url));
    await eventually('it is fetched', () => state.requests === 1);
    const second = ask();
    const gone = await openRaw(url);
    gone.write(getOf(url));
    await eventually('three are served', () => inFlight() === 3);
    gone.socket.destroy();
    await eventually('one has gone', () => inFlight() === 2);
    state.answer = state.counting;
    first.socket.destroy();
    assert.equal(await second, '200 2');
    assert.equal(state.requests, 2, 'nobody fetches for one who has gone');
  });

  it('answers with what it has while it is renewed', async () => {
    const { ask, state, clock } = await start({ StaleWhileRevalidateSeconds: 30 });
    assert.equal(await ask(), '200 1');
    await clock.advance(70_000);
    assert.equal(await ask(), '200 1');
    await eventually('it is renewed', async () => state.requests === 2 && (await ask()) === '200 2');
    assert.equal(state.requests, 2);
    await clock.advance(100_000);
    assert.equal(await ask(), '200 3', 'too old to be shown');
  });

  it('answers with what it has when the back end fails, as long as allowed', async () => {
    const { ask, state, clock } = await start({ StaleIfErrorSeconds: 30 }, { RetryOptions: { Retries: 0 } });
    assert.equal(await ask(), '200 1');
    await clock.advance(70_000);
    state.answer = (_, response) => response.writeHead(503).end('down');
    assert.equal(await ask(), '200 1');
    state.answer = (request) => request.socket.destroy();
    await clock.advance(2_000);
    assert.equal(await ask(), '200 1');
    await clock.advance(30_000);
    assert.match(await ask(), /^502 /);
  });

  it('never stores an answer that did not become complete', async () => {
    const { ask, state } = await start();
    state.answer = (request, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('part');
      setImmediate(() => request.socket.destroy());
    };
    await assert.rejects(ask());
    state.answer = state.counting;
    assert.equal(await ask(), '200 2');
  });

  it('shows each client its own limits and request id, and none of another’s', async () => {
    const { url, state } = await start({}, { RateLimitOptions: { Period: '100s', Limit: 10 } });
    state.answer = (_, response) => response.writeHead(200, { 'x-request-id': 'of the first' }).end('ok');
    const lefts: (string | null)[] = [];
    const ids = new Set<string | null>();
    for (let count = 0; count < 3; count += 1) {
      const { headers } = await fetch(`${url}/c/1`);
      lefts.push(headers.get('ratelimit-remaining'));
      ids.add(headers.get('x-request-id'));
    }
    assert.deepEqual(lefts, ['9', '8', '7']);
    assert.equal(ids.size, 3);
    assert.equal(state.requests, 1);
  });

  it('forgets what is purged', async () => {
    const { ask, admin } = await start({ Region: 'r', Tags: ['thing:{x}'] });
    assert.equal(await ask('/c/1'), '200 1');
    assert.equal(await ask('/c/2'), '200 2');
    assert.equal(await admin.purge({ by: 'tag', value: 'thing:1' }), 1);
    assert.equal(await ask('/c/1'), '200 3');
    assert.equal(await ask('/c/2'), '200 2');
    await admin.purge({ by: 'region', value: 'r' });
    assert.equal(await ask('/c/2'), '200 4');
    await admin.purge({ by: 'all' });
    assert.deepEqual(admin.cache(), { entries: 0, bytes: 0 });
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { type TestContext, test } from 'node:test';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { readProblem, startHost } from '../../test/fixture.ts';
import { defineRoute, handle, ok, type Route } from '../index.ts';

const route = <const R extends Partial<Route>>(path: string, more: R) =>
  defineRoute({
    ...{ method: 'POST', path, summary: 'x', access: 'public', body: s.object({}) },
    responses: { 200: s.object({}) },
    ...more,
  });
const plain = route('/plain', {});
const critical = route('/critical', { priority: 'critical' });
const waiting = route('/waiting', { waits: true });

/** A host that has as much to do as it takes, and one request too many comes next. */
async function startFull(t: TestContext, requests = 20, path = '/plain') {
  const gate = Promise.withResolvers<void>();
  const held: Promise<unknown>[] = [];
  t.after(async () => {
    gate.resolve();
    await Promise.all(held);
  });
  let running = 0;
  const hold = async () => {
    running += 1;
    await gate.promise;
    return ok({});
  };
  const { url, port, metrics } = await startHost(t, {
    handlers: [handle(plain, hold), handle(critical, hold), handle(waiting, hold)],
    load: { adaptive: { initial: 20, min: 20, max: 20 }, maxLoopDelayMs: 1e9 },
  });
  const ask = (path: string, headers: Record<string, string> = {}) => {
    const response = fetch(url + path, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', ...headers },
    });
    held.push(response);
    return response;
  };
  for (let index = 0; index < requests; index += 1) void ask(path);
  await eventually('it is full', () => running === requests);
  return { url, port, ask, metrics, gate, held, count: () => running };
}

test('too much is refused with a reason, before the body is read; health still answers', async (t) => {
  const { url, port, ask } = await startFull(t);
  const refused = await ask('/plain');
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('x-flotilla-refused'), 'overload');
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal((await readProblem(refused)).code, 'overloaded');
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.write(
    'POST /plain HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n',
  );
  const [head] = await once(socket, 'data');
  assert.match(String(head), /^HTTP\/1.1 503 /);
  socket.destroy();
  assert.equal((await fetch(`${url}/health/live`)).status, 200);
  const state = (await (await fetch(`${url}/resilience`)).json()) as {
    readonly server: { readonly inFlight: number; readonly shed: { readonly normal: number } };
  };
  assert.equal(state.server.inFlight, 20);
  assert.equal(state.server.shed.normal, 2);
});

test('what matters more goes on longer, and a request can only make itself less important', async (t) => {
  const { ask, count } = await startFull(t);
  assert.equal((await ask('/plain', { 'x-flotilla-priority': 'critical' })).status, 503);
  assert.equal((await ask('/critical', { 'x-flotilla-priority': 'sheddable' })).status, 503);
  void ask('/critical');
  await eventually('a critical one is served', () => count() === 21);
});

test('what only waits is no load', async (t) => {
  const { ask, count, metrics } = await startFull(t, 30, '/waiting');
  assert.match(metrics.render(), /resilience_server_running 0/);
  void ask('/plain');
  await eventually('it is served', () => count() === 31);
});

test('work whose caller has left keeps its place until it ends', async (t) => {
  const { url, metrics, gate, held } = await startFull(t);
  const controller = new AbortController();
  const left = fetch(`${url}/critical`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
    signal: controller.signal,
  }).catch(() => undefined);
  await eventually('it runs', () => /resilience_server_running 21/.test(metrics.render()));
  controller.abort();
  await left;
  await eventually('it is a zombie', () => /resilience_server_zombies 1/.test(metrics.render()));
  assert.match(metrics.render(), /resilience_server_running 21/);
  gate.resolve();
  await Promise.all(held);
  await eventually('all places are free', () => /resilience_server_running 0/.test(metrics.render()));
  assert.match(metrics.render(), /resilience_server_zombies 0/);
});

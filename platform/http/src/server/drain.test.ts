import assert from 'node:assert/strict';
import { Agent, get, type IncomingMessage } from 'node:http';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { connect, startHost } from '../../test/fixture.ts';
import { defineRoute, handle, ok } from '../index.ts';

const work = defineRoute({
  method: 'POST',
  path: '/work',
  summary: 'Takes a moment',
  access: 'public',
  responses: { 200: s.object({ done: s.boolean() }) },
});
const wait = defineRoute({ ...work, method: 'GET', path: '/wait' });

function createGate() {
  const gate = Promise.withResolvers<void>();
  let entered = 0;
  const handler = handle(wait, async () => {
    entered += 1;
    await gate.promise;
    return ok({ done: true });
  });
  return { handler, open: gate.resolve, entered: () => entered };
}

test('a request in flight is answered, told to close, and then nothing is left', async (t) => {
  const gate = createGate();
  const { url, host, port } = await startHost(t, { handlers: [gate.handler] });
  const answer = fetch(`${url}/wait`);
  await eventually('the request runs', () => gate.entered() === 1);
  let closed = false;
  const closing = host.close().then(() => {
    closed = true;
  });
  await eventually('no connection is accepted', () => refused(port));
  assert.equal(closed, false);
  gate.open();
  const response = await answer;
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('connection'), 'close');
  await closing;
});

test('while draining a kept connection is still served, and told that this instance is not ready', async (t) => {
  const gate = createGate();
  const { url, host, port } = await startHost(t, { handlers: [gate.handler] });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await read(`${url}/health/live`, agent);
  const answer = fetch(`${url}/wait`);
  await eventually('the request runs', () => gate.entered() === 1);
  const closing = host.close();
  await eventually('no connection is accepted', () => refused(port));
  const ready = await read(`${url}/health/ready`, agent);
  assert.equal(ready.response.statusCode, 503);
  assert.equal(ready.response.headers.connection, 'close');
  assert.match(ready.body, /"code":"draining"/);
  gate.open();
  await answer;
  await closing;
});

test('what does not end in time is aborted and cut', async (t) => {
  let signal: AbortSignal | undefined;
  const stuck = handle(wait, (request) => {
    signal = request.signal;
    return new Promise(() => undefined);
  });
  const { url, host } = await startHost(t, { handlers: [stuck], drainTimeoutMs: 50 });
  const answer = fetch(`${url}/wait`);
  answer.catch(() => undefined);
  await eventually('the request runs', () => signal !== undefined);
  await host.close();
  assert.equal(signal?.aborted, true);
  await assert.rejects(answer);
});

test('a connection that never sends its request does not hold up the end', async (t) => {
  const { port, host } = await startHost(t, { handlers: [], drainTimeoutMs: 200 });
  const socket = createConnection({ host: '127.0.0.1', port });
  const ended = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => undefined);
  socket.write('GET /health/live HTTP/1.1\r\nHost:');
  await new Promise((resolve) => socket.once('connect', resolve));
  await host.close();
  await ended;
});

test('closing under load loses no request', async (t) => {
  let served = 0;
  const handler = handle(work, async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    served += 1;
    return ok({ done: true });
  });
  const hosts = [await startHost(t, { handlers: [handler] }), await startHost(t, { handlers: [handler] })];
  const client = connect(
    t,
    hosts.map(({ port }) => port),
    { maxConnections: 8 },
  );
  let sent = 0;
  let stop = false;
  const callers = Array.from({ length: 16 }, async () => {
    while (!stop) {
      sent += 1;
      await client.call(work, {});
    }
  });
  await eventually('both are under load', () => served > 200);
  await hosts[0]?.host.close();
  const before = served;
  await eventually('the other goes on', () => served > before + 200);
  stop = true;
  await Promise.all(callers);
  assert.equal(served, sent, 'every request was carried out exactly once');
});

function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.on('error', () => resolve(true));
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });
}

function read(url: string, agent: Agent): Promise<{ response: IncomingMessage; body: string }> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ response, body });
    }).on('error', reject);
  });
}

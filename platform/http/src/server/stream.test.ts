import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { it, type TestContext } from 'node:test';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics, currentContext, silentLogger } from '@flotilla/telemetry';
import { defineRoute } from '../contract/route.ts';
import { handle } from './handler.ts';
import { createHttpHost } from './host.ts';

const ticks = defineRoute({
  method: 'GET',
  path: '/ticks',
  summary: 'Ticks without an end',
  access: 'public',
  produces: 'text/event-stream',
  responses: { 200: s.string() },
});

async function start(
  t: TestContext,
  stream: (signal: AbortSignal) => AsyncIterable<string>,
  requestTimeoutMs = 60_000,
) {
  const handler = handle(ticks, async ({ signal }) => ({ status: 200, stream: stream(signal) }));
  const host = createHttpHost({
    ...{ service: 'ticker', handlers: [handler], readiness: {}, requestTimeoutMs },
    ...{ logger: silentLogger, metrics: createMetrics() },
  });
  t.after(() => host.close());
  const { url } = await host.listen();
  return { host, url };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it('a stream is sent as it comes, in the trace of its request and beyond its deadline', async (t) => {
  const traces: (string | undefined)[] = [];
  const deadlineMs = 1_000;
  const stream = async function* () {
    for (const text of ['one', 'two']) {
      traces.push(currentContext()?.trace.traceId);
      yield text;
      await pause(deadlineMs / 2 + 100);
    }
  };
  const { url } = await start(t, stream, deadlineMs);
  const response = await fetch(`${url}/ticks`);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const id = response.headers.get('x-request-id');
  const texts: string[] = [];
  for await (const chunk of response.body ?? []) texts.push(Buffer.from(chunk).toString());
  assert.deepEqual(texts, ['one', 'two']);
  assert.deepEqual(traces, [id, id]);
});

/** Ticks until the signal is aborted, and says when it has ended. */
function ticking(ended: string[]) {
  return async function* (signal: AbortSignal) {
    try {
      while (!signal.aborted) {
        yield 'tick';
        await pause(5);
      }
    } finally {
      ended.push('ended');
    }
  };
}

it('a stream ends in good order when the host drains', async (t) => {
  const ended: string[] = [];
  const { host, url } = await start(t, ticking(ended));
  const response = await fetch(`${url}/ticks`);
  const body = response.text();
  await pause(20);
  host.startDraining();
  assert.match(await body, /^(tick)+$/);
  assert.deepEqual(ended, ['ended']);
});

it('a stream ends when its reader has gone', async (t) => {
  const ended: string[] = [];
  const { url } = await start(t, ticking(ended));
  const asked = request(`${url}/ticks`).end();
  asked.on('error', () => undefined);
  const [response] = await once(asked, 'response');
  response.on('error', () => undefined);
  await once(response, 'data');
  asked.destroy();
  await eventually('the stream has ended', () => ended.length === 1);
});

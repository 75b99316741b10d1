import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { hex, tracesOf } from '../test/open-store.ts';
import { STORE_PROGRAM } from './program.ts';
import { openReader } from './store/reader.ts';

const TOKEN = 'a token of the test, long enough';
const JSON_TYPE = { 'content-type': 'application/json' };
const ALLOWED = { ...JSON_TYPE, authorization: `Bearer ${TOKEN}` };

describe('the process of the store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'telemetry-main-'));
  const file = join(folder, 'telemetry.db');
  const started: ChildProcess[] = [];
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function start(): Promise<{ child: ChildProcess; url: string }> {
    const env = { PATH: process.env['PATH'], PORT: '0', TELEMETRY_FILE: file, TELEMETRY_TOKEN: TOKEN };
    const child = fork(STORE_PROGRAM, { env, silent: true });
    started.push(child);
    for (;;) {
      const [message] = (await once(child, 'message')) as [{ type: string; url: string }];
      if (message.type === 'ready') return { child, url: message.url };
    }
  }

  const post = (url: string, path: string, body: unknown, headers: Record<string, string> = ALLOWED) =>
    fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });

  it('has on disk what it has answered, also when it is killed', async () => {
    const { child, url } = await start();
    const ids = Array.from({ length: 20 }, (_, index) => hex(index + 1, 16));
    for (const traceId of ids) {
      const response = await post(url, '/v1/traces', tracesOf('shop', [{ traceId, spanId: hex(1, 8) }]));
      assert.equal(response.status, 200);
      assert.deepEqual(await response.json(), {});
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    const reader = openReader(file);
    assert.ok(ids.every((id) => reader.traces.find(id)));
    reader.close();
    const again = await start();
    assert.equal((await fetch(`${again.url}/health/ready`)).status, 200);
    assert.equal(statSync(file).mode & 0o077, 0, 'others may read it');
  });

  it('is read while it writes', async () => {
    const { url } = await start();
    const reader = openReader(file);
    const traceId = hex(0xabc, 16);
    await post(url, '/v1/traces', tracesOf('shop', [{ traceId, spanId: hex(1, 8) }]));
    assert.equal(reader.traces.find(traceId)?.spans, 1);
    await post(
      url,
      '/v1/traces',
      tracesOf('shop', [{ traceId, spanId: hex(2, 8), parentSpanId: hex(1, 8) }]),
    );
    assert.equal(reader.traces.find(traceId)?.spans, 2);
    reader.close();
  });

  it('takes nothing from who has no token, and says what it does not take', async () => {
    const { url } = await start();
    const status = async (path: string, init: RequestInit) => (await fetch(`${url}${path}`, init)).status;
    const body = '{}';
    assert.equal(await status('/v1/traces', { method: 'POST', headers: JSON_TYPE, body }), 401);
    const wrong = { ...JSON_TYPE, authorization: `Bearer ${TOKEN}x` };
    assert.equal(await status('/v1/traces', { method: 'POST', headers: wrong, body }), 401);
    assert.equal(await status('/v1/nothing', { method: 'POST', headers: ALLOWED, body }), 404);
    assert.equal(await status('/v1/logs', { method: 'PUT', headers: ALLOWED, body }), 405);
    const xml = { ...ALLOWED, 'content-type': 'text/xml' };
    assert.equal(await status('/v1/logs', { method: 'POST', headers: xml, body }), 415);
    const packed = { ...ALLOWED, 'content-encoding': 'lzma' };
    assert.equal(await status('/v1/logs', { method: 'POST', headers: packed, body }), 415);
    assert.equal(await status('/v1/logs', { method: 'POST', headers: ALLOWED, body: '{' }), 400);
    const partial = await post(url, '/v1/traces', tracesOf('shop', [{ traceId: 'zz', spanId: hex(1, 8) }]));
    assert.deepEqual(await partial.json(), {
      partialSuccess: { rejectedSpans: '1', errorMessage: 'traceId is not hexadecimal' },
    });
    assert.match(
      await (await fetch(`${url}/metrics`)).text(),
      /telemetry_store_rejected_total\{signal="traces"\} 1/,
    );
  });

  it("keeps what OpenTelemetry's own SDK sends", async () => {
    const { url } = await start();
    const exporter = new OTLPTraceExporter({
      url: `${url}/v1/traces`,
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const provider = new TracerProvider({
      resource: resourceFromAttributes({ 'service.name': 'foreign' }),
      spanProcessors: [new BatchSpanProcessor({ exporter })],
    });
    const span = provider.getTracer('sdk').startSpan('live');
    span.end();
    await provider.shutdown();
    const reader = openReader(file);
    await eventually('it is there', () => reader.traces.find(span.spanContext().traceId) !== undefined);
    reader.close();
  });

  it('begins a new file where the old one is torn, and leaves that aside', async () => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
    writeFileSync(file, 'this is no database, and long enough to be looked at as one'.repeat(100));
    const { url } = await start();
    const traceId = hex(0xdef, 16);
    await post(url, '/v1/traces', tracesOf('shop', [{ traceId, spanId: hex(1, 8) }]));
    const reader = openReader(file);
    assert.ok(reader.traces.find(traceId));
    reader.close();
    assert.ok(statSync(`${file}.unusable`).size > 0);
  });
});

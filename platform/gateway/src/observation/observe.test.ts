import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createLogger, createMetrics, formatTraceparent, type Span } from '@flotilla/telemetry';
import { createTestBed, routeTo, type TestGatewayOptions } from '../../test/gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

async function start(options: TestGatewayOptions = {}) {
  const port = await bed.backend((request, response) => {
    if (request.url === '/dead') request.socket.destroy();
    else response.end('hello');
  });
  const lines: Record<string, unknown>[] = [];
  const spans: Span[] = [];
  const metrics = createMetrics();
  const write = (line: string) => lines.push(JSON.parse(line));
  const gateway = await bed.start(
    { Routes: [routeTo(port, '/x/{id}'), routeTo(port, '/dead', { RetryOptions: { Retries: 0 } })] },
    {
      metrics,
      recordSpan: (span) => spans.push(span),
      logger: createLogger({ service: 'gateway', destination: { write } }),
      accessLog: 'all',
      ...options,
    },
  );
  const requests = () => lines.filter(({ msg }) => msg === 'request');
  return { ...gateway, backend: port, requests, spans, metrics };
}

describe('what the gateway tells of its work', () => {
  it('is a line for each request, without its query and fields, with trace, route and instance', async () => {
    const { url, backend, requests } = await start();
    const traceId = 'a'.repeat(32);
    const headers = { traceparent: `00-${traceId}-${'b'.repeat(16)}-01`, authorization: 'Bearer secret' };
    await (await fetch(`${url}/x/7?password=secret`, { headers })).text();
    await eventually('it is logged', () => requests().length === 1);
    const line = requests()[0] ?? {};
    const { method, path, route, status, instance, bytes, client, trace_id } = line;
    assert.deepEqual(
      { method, path, route, status, instance, bytes, client, trace_id },
      {
        method: 'GET',
        path: '/x/7',
        route: '/x/{id}',
        status: 200,
        instance: `127.0.0.1:${backend}`,
        bytes: 5,
        client: '127.0.0.1',
        trace_id: traceId,
      },
    );
    assert.doesNotMatch(JSON.stringify(line), /secret/);
  });

  it('says why the gateway answered itself', async () => {
    const { url, requests } = await start();
    for (const path of ['/nowhere', '/dead']) await (await fetch(`${url}${path}`)).text();
    await eventually('both are logged', () => requests().length === 2);
    assert.deepEqual(
      requests().map(({ status, code, route }) => [status, code, route]),
      [
        [404, 'not-found', ''],
        [502, 'bad-gateway', '/dead'],
      ],
    );
  });

  it('counts by route and status, and tries by instance and outcome', async () => {
    const { url, backend, metrics } = await start();
    for (const path of ['/x/1', '/x/2', '/dead']) await (await fetch(`${url}${path}`)).text();
    const text = () => metrics.render();
    await eventually('all are counted', () =>
      /http_server_request_duration_seconds_count\{http_request_method="GET",http_route="\/x\/\{id\}",http_response_status_code="200"\} 2/.test(
        text(),
      ),
    );
    const tried = (outcome: string, route: string) =>
      text().includes(
        `gateway_upstream_duration_seconds_count{http_route="${route}",server_instance="127.0.0.1:${backend}",outcome="${outcome}"}`,
      );
    assert.ok(tried('answered', '/x/{id}') && tried('failed', '/dead'));
  });

  it('is a span that continues the caller’s trace, an error from 500 on', async () => {
    const { url, spans } = await start();
    const headers = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
    await (await fetch(`${url}/x/7`, { headers })).text();
    await (await fetch(`${url}/dead`)).text();
    const ofRequests = () => spans.filter(({ kind }) => kind === 'server');
    await eventually('both are recorded', () => ofRequests().length === 2);
    const [good, bad] = ofRequests();
    assert.equal(good?.name, 'GET /x/{id}');
    assert.equal(good?.trace.traceId, 'a'.repeat(32));
    assert.equal(good?.parentSpanId, 'b'.repeat(16));
    assert.equal(good?.error, undefined);
    assert.equal(bad?.error, 'bad-gateway');
    const tries = spans.filter(({ kind }) => kind === 'client');
    assert.deepEqual(
      tries.map(({ parentSpanId, error }) => [parentSpanId, error === undefined]),
      [
        [good?.trace.spanId, true],
        [bad?.trace.spanId, false],
      ],
    );
  });

  it('has each try continued by its back end, so that both halves of a call are found', async () => {
    const seen: string[] = [];
    const port = await bed.backend((request, response) => {
      seen.push(String(request.headers['traceparent']));
      if (seen.length === 1) request.socket.destroy();
      else if (request.url === '/from') response.writeHead(302, { location: '/to' }).end();
      else response.end('hello');
    });
    const spans: Span[] = [];
    const Routes = [
      routeTo(port, '/from', {
        RetryOptions: { Retries: 1 },
        HttpHandlerOptions: { AllowAutoRedirect: true },
      }),
    ];
    const { url } = await bed.start({ Routes }, { recordSpan: (span) => spans.push(span) });
    await (await fetch(`${url}/from`)).text();
    await eventually('the request is recorded', () => spans.some(({ kind }) => kind === 'server'));
    const tries = spans.filter(({ kind }) => kind === 'client');
    assert.equal(tries.length, 3, 'the connection was cut, the redirect, where it led');
    assert.deepEqual(
      seen,
      tries.map(({ trace }) => formatTraceparent(trace)),
    );
    assert.equal(new Set(seen).size, 3);
  });

  it('is, sampled, every failure and one in a hundred of the rest; or nothing', async () => {
    const sampled = await start({ accessLog: 'sampled' });
    for (let count = 0; count < 150; count += 1) await (await fetch(`${sampled.url}/x/${count}`)).text();
    await (await fetch(`${sampled.url}/dead`)).text();
    await eventually('the failure is logged', () => sampled.requests().some(({ status }) => status === 502));
    assert.equal(sampled.requests().length, 2);
    const silent = await start({ accessLog: 'off' });
    await (await fetch(`${silent.url}/dead`)).text();
    await eventually('it is counted', () => /http_route="\/dead"/.test(silent.metrics.render()));
    assert.deepEqual(silent.requests(), []);
  });
});

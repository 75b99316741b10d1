import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { afterEach, describe, it } from 'node:test';
import { createStaticResolver, type Endpoint } from '@flotilla/discovery';
import { eventually } from '@flotilla/kernel/testing';
import { ANYTHING } from '../src/grammar/registered.ts';
import { bodyOf, createTestBed, openRaw, routeTo, sendRaw } from './gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const CATCH_ALL = '/api/{everything}';

describe('forwarding', () => {
  it('passes method, path, query, fields and body, and the answer unchanged', async () => {
    const port = await bed.backend(async (request, response) => {
      const body = await bodyOf(request);
      response.writeHead(201, 'Made', ['content-type', 'text/x', 'set-cookie', 'a=1', 'set-cookie', 'b=2']);
      response.end(`${request.method} ${request.url} ${request.headers['x-own']} ${body}`);
    });
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL)] });
    const response = await fetch(`${url}/api/a%20b/c;v=1?x=1&x=2&y=%2F`, {
      method: 'POST',
      headers: { 'x-own': 'kept' },
      body: 'hello',
    });
    assert.equal(response.status, 201);
    assert.equal(response.statusText, 'Made');
    assert.equal(response.headers.get('content-type'), 'text/x');
    assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2']);
    assert.equal(await response.text(), 'POST /api/a%20b/c;v=1?x=1&x=2&y=%2F kept hello');
  });

  it('maps placeholders into the downstream template and drops parameters they took', async () => {
    const port = await bed.backend((request, response) => response.end(request.url));
    const url = await bed.gateway({
      Routes: [routeTo(port, '/users/{id}/{rest}', { DownstreamPathTemplate: '/v1/{id}/of/{rest}' })],
    });
    assert.equal(await (await fetch(`${url}/users/7/a/b?ID=9&xid=1`)).text(), '/v1/7/of/a/b?xid=1');
    assert.equal(await (await fetch(`${url}/users/7`)).text(), '/v1/7/of');
  });

  it('takes hop-by-hop, identity and forwarding fields away and adds its own', async () => {
    let seen: IncomingMessage | undefined;
    const port = await bed.backend((request, response) => {
      seen = request;
      response.writeHead(200, { connection: 'close, x-secret', 'x-secret': '1', 'keep-alive': 'timeout=1' });
      response.end();
    });
    const url = await bed.gateway({
      Routes: [
        routeTo(port, CATCH_ALL),
        // Where something is decided by identity and path, clients may not speak of them.
        routeTo(port, '/guarded', {
          AuthenticationOptions: { AuthenticationProviderKey: 'Bearer' },
          AddHeadersToRequest: { 'X-Sub': 'Claims[sub] > value' },
        }),
      ],
      GlobalConfiguration: { Timeout: 35 },
    });
    const answer = await sendRaw(
      url,
      [
        'GET /api/x HTTP/1.1',
        'Host: shop.example:80',
        'Connection: close, X-Drop',
        'X-Drop: 1',
        'X-User-Id: 1',
        'X_User_Id: 2',
        'X-Internal-Role: root',
        'X-Forwarded-For: 6.6.6.6',
        'Forwarded: for=6.6.6.6',
        'X-Original-URL: /admin',
        'X-Request-Deadline: 999999',
        'TE: trailers',
        'X-Keep: 1',
        '',
        '',
      ].join('\r\n'),
    );
    const fields = seen?.headers ?? {};
    assert.equal(fields.host, `127.0.0.1:${port}`);
    assert.equal(fields['x-keep'], '1');
    assert.equal(fields['x-forwarded-for'], '127.0.0.1');
    assert.equal(fields['x-forwarded-host'], 'shop.example:80');
    assert.equal(fields['x-forwarded-proto'], 'http');
    const deadlineMs = Number(fields['x-request-deadline']);
    assert.ok(deadlineMs > 30_000 && deadlineMs <= 35_000, String(deadlineMs));
    for (const name of [
      'x-drop',
      'x-user-id',
      'x_user_id',
      'x-internal-role',
      'forwarded',
      'x-original-url',
      'te',
    ])
      assert.equal(fields[name], undefined, name);
    assert.doesNotMatch(answer, /x-secret/i);
  });

  it('passes what clients say of users and methods where nothing was decided by it, or the file says so', async () => {
    const port = await bed.backend(({ headers }, response) => {
      response.end(
        JSON.stringify([headers['x-tenant-id'], headers['x-http-method-override'], headers['x-sub']]),
      );
    });
    const guarded = routeTo(port, '/guarded', {
      AuthenticationOptions: { AuthenticationProviderKey: 'Bearer' },
      AddHeadersToRequest: { 'X-Sub': 'Claims[sub] > value' },
    });
    const headers = { 'x-tenant-id': 'a', 'x-http-method-override': 'PATCH', 'x-sub': 'root' };
    for (const [routes, global, read, seen] of [
      [[], {}, {}, ['a', 'PATCH', 'root']],
      [[guarded], {}, {}, [null, null, null]],
      [[guarded], {}, { strict: true }, ['a', 'PATCH', null]],
      [[guarded], { PassHeaders: ['x-tenant-id', 'X-Sub'] }, {}, ['a', null, null]],
      [[guarded], { PassHeaders: ['*'] }, {}, ['a', 'PATCH', null]],
    ] as const) {
      const config = { Routes: [routeTo(port, '/x'), ...routes], GlobalConfiguration: global };
      const { url } = await bed.start(config, { read: { registered: ANYTHING, ...read } });
      const answer = await fetch(`${url}/x`, { headers });
      assert.deepEqual(await answer.json(), seen, JSON.stringify([global, read]));
    }
  });

  it("takes the host that a trusted proxy was asked for, and nobody else's word for it", async () => {
    const port = await bed.backend(({ headers }, response) => response.end(headers['x-forwarded-host']));
    const Routes = [routeTo(port, '/x', { UpstreamHost: 'www.shop.test' })];
    const headers = { 'x-forwarded-host': 'www.shop.test' };
    const trusting = await bed.gateway({ Routes, GlobalConfiguration: { TrustedProxies: ['127.0.0.1'] } });
    const answer = await fetch(`${trusting}/x`, { headers });
    assert.deepEqual([answer.status, await answer.text()], [200, 'www.shop.test']);
    assert.equal((await fetch(`${await bed.gateway({ Routes })}/x`, { headers })).status, 404);
  });

  it('continues a valid trace and answers its id; begins one otherwise', async () => {
    const seen: (string | undefined)[] = [];
    const port = await bed.backend((request, response) => {
      seen.push(String(request.headers['traceparent']));
      response.end();
    });
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL)] });
    const traceId = 'a'.repeat(32);
    const parent = `00-${traceId}-${'b'.repeat(16)}-01`;
    const continued = await fetch(`${url}/api/x`, { headers: { traceparent: parent } });
    assert.equal(continued.headers.get('x-request-id'), traceId);
    assert.match(seen[0] ?? '', new RegExp(`^00-${traceId}-(?!b{16})[0-9a-f]{16}-01$`));
    const fresh = await fetch(`${url}/api/x`, { headers: { traceparent: 'nonsense' } });
    assert.match(fresh.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/);
    assert.ok(seen[1]?.includes(fresh.headers.get('x-request-id') ?? '-'));
  });

  it('serves HEAD, 204 and 304 without a body on a connection that goes on', async () => {
    const port = await bed.backend((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'content-length': '5' });
      else response.writeHead(request.url?.endsWith('204') ? 204 : 304, { etag: '"1"' });
      response.end();
    });
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL)] });
    const lines = ['HEAD /api/x', 'GET /api/204', 'GET /api/304'];
    const answer = await sendRaw(url, lines.map((line) => `${line} HTTP/1.1\r\nHost: h\r\n\r\n`).join(''));
    assert.deepEqual(answer.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 200', 'HTTP/1.1 204', 'HTTP/1.1 304']);
    assert.match(answer, /content-length: 5/i);
  });

  it('serves what is pipelined behind a HEAD whose back end closes its connection', async () => {
    const closing = await bed.rawBackend(() => 'HTTP/1.1 200 OK\r\nConnection: close\r\nX-A: 1\r\n\r\n');
    const next = await bed.backend((_, response) => response.end('next'));
    const url = await bed.gateway({ Routes: [routeTo(closing, '/closing'), routeTo(next, '/next')] });
    const client = await openRaw(url);
    const second = 'GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
    client.write(`HEAD /closing HTTP/1.1\r\nHost: h\r\n\r\n${second}`);
    const text = await client.closed();
    assert.match(
      text,
      /^HTTP\/1\.1 200 OK\r\nX-A: 1\r\n[\s\S]*\r\n\r\nHTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nnext$/,
    );
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 2);
  });

  it('ends interim responses and trailers of an HTTP/1.1 back end here', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';
    const head = 'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n';
    const port = await bed.rawBackend(() => `${hints}${head}4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n`);
    const client = await openRaw(await bed.gateway({ Routes: [routeTo(port, '/x')] }));
    client.write('GET /x HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n');
    const text = await client.closed();
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n4\r\nbody\r\n0\r\n\r\n$/);
    assert.doesNotMatch(text, /103|Link|X-Sum/);
  });

  it('streams large bodies both ways unchanged', async () => {
    const port = await bed.backend((request, response) => {
      response.writeHead(200);
      request.pipe(response);
    });
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL, { MaxRequestBodySize: 0 })] });
    const sent = randomBytes(8 * 2 ** 20);
    const response = await fetch(`${url}/api/x`, { method: 'PUT', body: sent });
    const got = Buffer.from(await response.arrayBuffer());
    assert.equal(
      createHash('sha256').update(got).digest('hex'),
      createHash('sha256').update(sent).digest('hex'),
    );
  });

  it('delivers the first part of an answer when the back end sends it', async () => {
    const go = Promise.withResolvers<void>();
    const port = await bed.backend(async (_request, response) => {
      response.write('first');
      await go.promise;
      response.end('last');
    });
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL)] });
    const reader = (await fetch(`${url}/api/x`)).body?.getReader();
    assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'first');
    go.resolve();
    assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'last');
  });

  it('reads from the back end no faster than the client takes it', async () => {
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024);
    function* flood() {
      for (; written < 200 * 2 ** 20; written += chunk.length) yield chunk;
    }
    const port = await bed.backend((_request, response) => {
      Readable.from(flood(), { highWaterMark: 1 }).pipe(response);
    });
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL)] });
    const client = httpRequest(`${url}/api/x`);
    client.on('error', () => undefined).end();
    const [answer] = (await once(client, 'response')) as [IncomingMessage];
    answer.on('error', () => undefined);
    let before = -1;
    const standsStill = () => {
      const same = before === written;
      before = written;
      return same;
    };
    await eventually('the back end is held back', standsStill, 60_000, 100);
    assert.ok(written < 60 * 2 ** 20, `${written} bytes were taken for a client that reads none`);
    client.destroy();
  });

  it('refuses a body above the limit, announced or not', async () => {
    let bodies = 0;
    const port = await bed.backend(async (request, response) => {
      const body = await bodyOf(request).catch(() => undefined); // given up by the gateway
      if (body === undefined) return;
      bodies += 1;
      response.end();
    });
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL, { MaxRequestBodySize: 1000 })] });
    const ok = await fetch(`${url}/api/x`, { method: 'POST', body: Buffer.alloc(1000) });
    assert.equal(ok.status, 200);
    const announced = await fetch(`${url}/api/x`, { method: 'POST', body: Buffer.alloc(1001) });
    assert.equal(announced.status, 413);
    assert.equal(((await announced.json()) as { code: string }).code, 'body-too-large');
    const chunked = await sendRaw(
      url,
      `POST /api/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${`1f4\r\n${'x'.repeat(500)}\r\n`.repeat(3)}0\r\n\r\n`,
    );
    assert.match(chunked, /^HTTP\/1\.1 413 /);
    assert.equal(bodies, 1);
  });

  it('asks for the body only when a back end takes it', async () => {
    const port = await bed.backend(async (request, response) => response.end(await bodyOf(request)));
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL, { MaxRequestBodySize: 10 })] });
    const head = (length: number) =>
      `POST /api/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
    const client = await openRaw(url);
    client.write(head(5));
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    client.write('hello');
    await client.until(/HTTP\/1\.1 200 .*hello$/s);
    assert.match(
      await sendRaw(url, `${head(5)}hello`),
      /^HTTP\/1\.1 200 .*hello$/s,
      'nobody asks for what is there',
    );
    assert.match(await sendRaw(url, head(11)), /^HTTP\/1\.1 413 /);
  });
});

describe('back ends in trouble', () => {
  it('answers 502 for a configured host that refuses connections', async () => {
    const url = await bed.gateway({ Routes: [routeTo(1, CATCH_ALL)] });
    const response = await fetch(`${url}/api/x`);
    assert.equal(response.status, 502);
    const problem = (await response.json()) as Record<string, unknown>;
    assert.equal(problem['code'], 'bad-gateway');
    assert.equal(problem['traceId'], response.headers.get('x-request-id'));
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
  });

  it('answers 503 with Retry-After when a service has no reachable instance in four seconds', async () => {
    const url = await bed.gateway(
      { Routes: [serviceRoute()] },
      createStaticResolver({ order: ['127.0.0.1:1'] }),
    );
    const response = await fetch(`${url}/api/x`, { method: 'POST', body: 'x' });
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '1');
    assert.equal(((await response.json()) as { code: string }).code, 'service-unavailable');
  });

  it('waits for a restarting service: a POST costs time, not an error', async () => {
    const port = await bed.backend(async (request, response) => response.end(await bodyOf(request)));
    const at = (port: number): Endpoint[] => [{ id: 'o-1', service: 'order', host: '127.0.0.1', port }];
    let endpoints = at(1);
    const resolver = { resolve: async () => endpoints, close: async () => undefined };
    const url = await bed.gateway({ Routes: [serviceRoute()] }, resolver);
    const answer = fetch(`${url}/api/x`, { method: 'POST', body: 'order' });
    setTimeout(() => {
      endpoints = at(port);
    }, 300);
    const response = await answer;
    assert.equal(response.status, 200);
    assert.equal(await response.text(), 'order');
  });

  it('does not wait for a service that the registry does not know, and finds it when it comes', async () => {
    const port = await bed.backend((_, response) => response.end('here'));
    let endpoints: readonly Endpoint[] = [];
    const resolver = { resolve: async () => endpoints, close: async () => undefined };
    const url = await bed.gateway({ Routes: [serviceRoute()] }, resolver);
    const startedAtMs = performance.now();
    assert.equal((await fetch(`${url}/api/x`)).status, 503);
    assert.ok(performance.now() - startedAtMs < 4_000, 'patience is 4 s');
    endpoints = [{ id: 'o-1', service: 'order', host: '127.0.0.1', port }];
    const comes = async () => (await fetch(`${url}/api/x`)).status === 200;
    await eventually('it is found', comes);
  });

  it('waits for a registry that has not answered yet', async () => {
    const port = await bed.backend((_, response) => response.end('here'));
    let isAway = true;
    const resolve = async (): Promise<readonly Endpoint[]> => {
      if (isAway) throw new Error('away');
      return [{ id: 'o-1', service: 'order', host: '127.0.0.1', port }];
    };
    const resolver = { resolve, close: async () => undefined };
    const url = await bed.gateway({ Routes: [serviceRoute()] }, resolver);
    const answer = fetch(`${url}/api/x`);
    setTimeout(() => {
      isAway = false;
    }, 300);
    assert.equal((await answer).status, 200);
  });

  it('tries another instance when one refuses the connection, whatever the method', async () => {
    const port = await bed.backend(async (request, response) => response.end(await bodyOf(request)));
    const url = await bed.gateway(
      { Routes: [serviceRoute()] },
      createStaticResolver({ order: ['127.0.0.1:1', `127.0.0.1:${port}`] }),
    );
    for (let count = 0; count < 4; count += 1) {
      const response = await fetch(`${url}/api/x`, { method: 'POST', body: 'x' });
      assert.equal(response.status, 200);
    }
  });

  it('repeats an idempotent request once when no byte was answered, never a POST', async () => {
    let requests = 0;
    const port = await bed.backend((request) => {
      requests += 1;
      request.socket.destroy();
    });
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL)] });
    assert.equal((await fetch(`${url}/api/x`)).status, 502);
    assert.equal(requests, 2);
    assert.equal((await fetch(`${url}/api/x`, { method: 'POST', body: 'x' })).status, 502);
    assert.equal(requests, 3);
    assert.equal((await fetch(`${url}/api/x`, { method: 'POST' })).status, 502);
    assert.equal(requests, 4);
  });

  it('leaves it to the client to repeat what has an Idempotency-Key: only the service knows its keys', async () => {
    const keys: unknown[] = [];
    const port = await bed.backend((request, response) => {
      keys.push(request.headers['idempotency-key']);
      if (keys.length === 1) request.socket.destroy();
      else response.end('done once');
    });
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL)] });
    const order = () =>
      fetch(`${url}/api/x`, { method: 'POST', body: 'x', headers: { 'idempotency-key': 'once' } });
    const unknown = await order();
    assert.equal(unknown.status, 502);
    assert.equal((await unknown.json()).code, 'bad-gateway');
    assert.deepEqual(keys, ['once']);
    assert.equal(await (await order()).text(), 'done once');
    assert.deepEqual(keys, ['once', 'once']);
  });

  it('serves the repetition from another instance', async () => {
    const dying = await bed.backend((request) => request.socket.destroy());
    const healthy = await bed.backend((_request, response) => response.end('ok'));
    const url = await bed.gateway(
      { Routes: [serviceRoute()] },
      createStaticResolver({ order: [`127.0.0.1:${dying}`, `127.0.0.1:${healthy}`] }),
    );
    for (let count = 0; count < 3; count += 1) assert.equal(await (await fetch(`${url}/api/x`)).text(), 'ok');
  });

  it('answers 502 for an answer that is no HTTP', async () => {
    for (const bytes of [
      'nonsense\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: magic\r\n\r\nhello',
      `HTTP/1.1 200 OK\r\nX-Big: ${'x'.repeat(70_000)}\r\n\r\n`,
    ]) {
      const port = await bed.rawBackend((got) => (got.includes('\r\n\r\n') ? bytes : undefined));
      const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL)] });
      assert.equal((await fetch(`${url}/api/x`, { method: 'POST' })).status, 502, bytes.slice(0, 60));
    }
  });

  it('cuts the client when a back end dies in the middle of an answer', async () => {
    for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
      const part = framing.startsWith('T') ? '5\r\nhello\r\n' : 'hello';
      const port = await bed.rawBackend((got) =>
        got.includes('\r\n\r\n') ? `HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${part}` : undefined,
      );
      const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL)] });
      const answer = await sendRaw(url, 'GET /api/x HTTP/1.1\r\nHost: h\r\n\r\n');
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.doesNotMatch(answer, /\r\n0\r\n\r\n$/, 'a clean end would make a part look whole');
      await assert.rejects(fetch(`${url}/api/x`).then((response) => response.text()));
    }
  });

  it('answers 504 when the time is over, and gives the back end up', async () => {
    const gaveUp = Promise.withResolvers<void>();
    const port = await bed.backend((request) => request.on('close', () => gaveUp.resolve()));
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL, { Timeout: 1 })] });
    const response = await fetch(`${url}/api/x`);
    assert.equal(response.status, 504);
    assert.equal(((await response.json()) as { code: string }).code, 'gateway-timeout');
    await gaveUp.promise;
  });

  it('gives the back end up when the client goes away', async () => {
    const arrived = Promise.withResolvers<void>();
    const gaveUp = Promise.withResolvers<void>();
    const port = await bed.backend((request) => {
      request.on('close', () => gaveUp.resolve());
      arrived.resolve();
    });
    const url = await bed.gateway({ Routes: [routeTo(port, CATCH_ALL)] });
    const client = new AbortController();
    const answer = fetch(`${url}/api/x`, { signal: client.signal });
    await arrived.promise;
    client.abort();
    await assert.rejects(answer);
    await gaveUp.promise;
  });
});

function serviceRoute(): object {
  return {
    UpstreamPathTemplate: CATCH_ALL,
    DownstreamPathTemplate: CATCH_ALL,
    ServiceName: 'order',
    LoadBalancerOptions: { Type: 'RoundRobin' },
  };
}

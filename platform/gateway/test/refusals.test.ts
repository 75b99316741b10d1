import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { silentLogger } from '@flotilla/telemetry';
import { createTestCertificate } from './certificate.ts';
import { bodyOf, createTestBed, routeTo, sendRaw } from './gateway.ts';

const bed = createTestBed();
let url = '';
const reached: string[] = [];

before(async () => {
  const port = await bed.backend(async (request, response) => {
    reached.push(`${request.method} ${request.url}`);
    const body = await bodyOf(request).catch(() => undefined); // given up by the gateway
    if (body !== undefined) response.end(`served ${request.url} ${body}`);
  });
  url = await bed.gateway({
    Routes: [
      routeTo(port, '/api/{everything}', { RouteIsCaseSensitive: true }),
      routeTo(port, '/admin/{everything}', {
        RouteIsCaseSensitive: true,
        AuthenticationOptions: { AuthenticationProviderKey: 'Bearer' },
      }),
      routeTo(port, '/only-get', { UpstreamHttpMethod: ['Get'] }),
      routeTo(port, '/tenant/{everything}', { UpstreamHost: 'tenant.test' }),
    ],
  });
});
after(() => bed.close());

/** A whole request with these lines, then nothing of it may have reached a back end. */
async function assertRefused(head: string, status: RegExp, body = ''): Promise<string> {
  const before = reached.length;
  const answer = await sendRaw(url, `${head}\r\n\r\n${body}`, 100);
  assert.match(answer, status, JSON.stringify(head));
  assert.equal(reached.length, before, `reached a back end: ${JSON.stringify(head)}`);
  return answer;
}

describe('refused requests', () => {
  it('have a target that could be read in two ways', async () => {
    for (const target of [
      '/api/../admin/x',
      '/api/%2e%2e/admin/x',
      '/api/.%2E/admin',
      '/api/./x',
      '/api//x',
      '//api/x',
      '/api/a%2fb',
      '/api/a%5cb',
      '/api/a\\b',
      '/api/%00',
      '/api/a%0d%0ab',
      '/api/%252e%252e/x',
      '/api/%zz',
      '/api/%u002e',
      '/api/%c0%ae',
      '/api/..;/admin',
      '/api/;x/y',
      '/admin;x/y',
      '/api/<x>',
      '/api/x#y',
      '/api/x?a\u00e9',
      'api/x',
      '*',
      'http://other.test/api/x',
      'ftp://h/api/x',
      'http://h@other.test/api/x',
    ])
      await assertRefused(`GET ${target} HTTP/1.1\r\nHost: h`, /^HTTP\/1\.1 (400|404) /);
    await assertRefused(`GET /api/${'x'.repeat(8_200)} HTTP/1.1\r\nHost: h`, /^HTTP\/1\.1 414 /);
  });

  it('have no Host, two, or one that is none', async () => {
    for (const fields of [
      'X: 1',
      'Host: h\r\nHost: h',
      'Host: ',
      'Host: a b',
      'Host: h:0',
      'Host: h:70000',
      'Host: u@h',
    ])
      await assertRefused(`GET /api/x HTTP/1.1\r\n${fields}`, /^HTTP\/1\.1 400 /);
  });

  it('have a body whose end is in doubt, and lose their connection', async () => {
    for (const fields of [
      'Content-Length: 5\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: chunked\r\nContent-Length: 5',
      'Content-Length: 5\r\nContent-Length: 5',
      'Content-Length: 5, 5',
      'Content-Length: +5',
      'Content-Length: 0x5',
      'Content-Length: -1',
      'Content-Length: 99999999999999999999',
      'Transfer-Encoding: gzip, chunked',
      'Transfer-Encoding: chunked, chunked',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding : chunked',
      'Connection: content-length\r\nContent-Length: 5',
    ]) {
      const smuggled = '0\r\n\r\nGET /api/smuggled HTTP/1.1\r\nHost: h\r\n\r\n';
      const answer = await assertRefused(
        `POST /api/x HTTP/1.1\r\nHost: h\r\n${fields}`,
        /^($|HTTP\/1\.1 (400|501) )/,
        smuggled,
      );
      assert.ok(
        (answer.match(/^HTTP\/1\.1 /gm)?.length ?? 0) <= 1,
        `nothing behind it is executed: ${fields}`,
      );
    }
    await assertRefused(
      'POST /api/x HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked',
      /^HTTP\/1\.1 400 /,
      '0\r\n\r\n',
    );
  });

  it('have fields that are not well formed, too many or too large', async () => {
    for (const fields of [
      'X: a\u00e9',
      'X: a\u0001b',
      'Bad Name: x',
      'X : y',
      ' folded: x',
      'Authorization: a\r\nAuthorization: b',
    ])
      await assertRefused(`GET /api/x HTTP/1.1\r\nHost: h\r\n${fields}`, /^HTTP\/1\.1 400 /);
    const many = Array.from({ length: 101 }, (_, index) => `X-${index}: 1`).join('\r\n');
    await assertRefused(`GET /api/x HTTP/1.1\r\nHost: h\r\n${many}`, /^HTTP\/1\.1 431 /);
    await assertRefused(`GET /api/x HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(17_000)}`, /^HTTP\/1\.1 431 /);
  });

  it('have a method, version or expectation that is not known', async () => {
    for (const line of ['TRACE /api/x HTTP/1.1', 'PROPFIND /api/x HTTP/1.1', 'get /api/x HTTP/1.1'])
      await assertRefused(`${line}\r\nHost: h`, /^HTTP\/1\.1 405 /);
    for (const line of ['GET /api/x HTTP/2.0', 'GET /api/x HTTP/1.2', 'GET /api/x'])
      await assertRefused(`${line}\r\nHost: h`, /^HTTP\/1\.1 (400|505) /);
    await assertRefused('CONNECT other:1 HTTP/1.1\r\nHost: other:1', /^($|HTTP\/1\.1 4)/);
    await assertRefused(
      'POST /api/x HTTP/1.1\r\nHost: h\r\nExpect: magic\r\nContent-Length: 0',
      /^HTTP\/1\.1 417 /,
    );
  });

  it('want more than five ranges, or something behind a gateway that must not ask', async () => {
    const ranges = Array.from({ length: 6 }, (_, index) => `${index}-${index}`).join(',');
    await assertRefused(`GET /api/x HTTP/1.1\r\nHost: h\r\nRange: bytes=${ranges}`, /^HTTP\/1\.1 416 /);
    await assertRefused('OPTIONS /api/x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0', /^HTTP\/1\.1 204 /);
    await assertRefused('POST /api/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue, x', /^HTTP\/1\.1 417 /);
  });

  it('have no route: also a known path with another method, and another host', async () => {
    await assertRefused('GET /nowhere HTTP/1.1\r\nHost: h', /^HTTP\/1\.1 404 /);
    await assertRefused('POST /only-get HTTP/1.1\r\nHost: h\r\nContent-Length: 0', /^HTTP\/1\.1 404 /);
    await assertRefused('GET /API/x HTTP/1.1\r\nHost: h', /^HTTP\/1\.1 404 /);
    await assertRefused('GET /tenant/x HTTP/1.1\r\nHost: nottenant.test', /^HTTP\/1\.1 404 /);
    assert.match(
      await sendRaw(url, 'GET /tenant/x HTTP/1.1\r\nHost: TENANT.test:80\r\n\r\n', 100),
      /^HTTP\/1\.1 200 /,
    );
  });

  it('carry a problem with a code and the trace id, and nothing of the input', async () => {
    const traceId = 'c'.repeat(32);
    const fields = `traceparent: 00-${traceId}-${'d'.repeat(16)}-01`;
    const answer = await assertRefused(
      `GET /secret-path HTTP/1.1\r\nHost: h\r\n${fields}`,
      /^HTTP\/1\.1 404 /,
    );
    assert.match(answer, /content-type: application\/problem\+json/i);
    assert.match(answer, new RegExp(`x-request-id: ${traceId}`, 'i'));
    const problem = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
    assert.deepEqual(problem, {
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      code: 'not-found',
      traceId,
    });
    assert.match(await sendRaw(url, 'no http at all\r\n\r\n', 100), /x-request-id: [0-9a-f]{32}/i);
  });
});

describe('what follows a request that was refused because of its syntax', () => {
  it('is never executed', async () => {
    for (const fields of [
      'Transfer-Encoding: identity, chunked',
      'Expect: magic\r\nContent-Length: 0',
      'Host: h2',
    ]) {
      const behind = '0\r\n\r\nGET /api/behind HTTP/1.1\r\nHost: h\r\n\r\n';
      const answer = await sendRaw(url, `POST /api/x HTTP/1.1\r\nHost: h\r\n${fields}\r\n\r\n${behind}`, 100);
      assert.doesNotMatch(answer, /served/);
      assert.ok(!reached.includes('GET /api/behind'), fields);
    }
  });
});

describe('unusual but legal requests', () => {
  it('are served', async () => {
    for (const [head, target] of [
      ['GET /%61pi/%7Ex HTTP/1.1', '/api/~x'],
      ['GET http://H/api/x?y HTTP/1.1', '/api/x?y'],
      ['GET /api/a;b=c/d HTTP/1.1', '/api/a;b=c/d'],
      ['GET /api/%C3%A9%3F HTTP/1.1', '/api/%C3%A9%3F'],
      ['GET /api/x?a[]=1|2&b={c}&d=%zz HTTP/1.1', '/api/x?a[]=1|2&b={c}&d=%zz'],
      ['GET /api HTTP/1.1', '/api'],
      ['GET /api/ HTTP/1.1', '/api/'],
      [`GET /api/${'x'.repeat(7_900)} HTTP/1.1`, `/api/${'x'.repeat(7_900)}`],
    ] as const) {
      const answer = await sendRaw(url, `${head}\r\nHost: h\r\n\r\n`, 100);
      assert.match(answer, /^HTTP\/1\.1 200 /, head);
      assert.equal(reached.at(-1), `GET ${target}`);
    }
    const ninety = Array.from({ length: 89 }, (_, index) => `X-${index}: 1`).join('\r\n');
    assert.match(
      await sendRaw(url, `GET /api/x HTTP/1.1\r\nHost: h\r\n${ninety}\r\n\r\n`, 100),
      /^HTTP\/1\.1 200 /,
    );
    assert.match(await sendRaw(url, 'OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n', 100), /^HTTP\/1\.1 204 /);
    const upgrade = 'Connection: Upgrade\r\nUpgrade: h2c';
    assert.match(
      await sendRaw(url, `GET /api/x HTTP/1.1\r\nHost: h\r\n${upgrade}\r\n\r\n`, 100),
      /^HTTP\/1\.1 200 /,
    );
  });

  it('pipelined, are answered in order', async () => {
    const requests = ['a', 'b', 'c'].map((name) => `GET /api/${name} HTTP/1.1\r\nHost: h\r\n\r\n`).join('');
    const answer = await sendRaw(url, requests);
    assert.deepEqual(answer.match(/served \/api\/\w/g), ['served /api/a', 'served /api/b', 'served /api/c']);
  });

  it('by HTTP/1.0 clients get no chunks', async () => {
    const answer = await sendRaw(url, 'GET /api/x HTTP/1.0\r\nHost: h\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(answer, /transfer-encoding/i);
  });

  it('keep their connection after a refusal whose end was clear', async () => {
    const refused = 'POST /admin/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello';
    const answer = await sendRaw(url, `${refused}GET /api/after HTTP/1.1\r\nHost: h\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 401 /);
    assert.match(answer, /served \/api\/after/);
  });
});

describe('a client that never comes to a request', () => {
  it('is counted, and named in the log', async () => {
    const lines: object[] = [];
    const logger = { ...silentLogger, debug: (fields: object) => lines.push(fields) };
    const gateway = await bed.start({}, { logger, listen: { tls: createTestCertificate() } });
    await sendRaw(gateway.url, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n', 100);
    await eventually('it is counted', () =>
      bed.metrics.render().includes('gateway_refused_connections_total{code="handshake"} 1'),
    );
    assert.deepEqual(lines, [{ code: 'handshake', owner: '127.0.0.1' }]);
  });
});

describe('a hostile client', () => {
  it('cannot finish a broken body: the back end never gets a whole one', async () => {
    for (const rest of ['5\r\nhello\r\nzz\r\n', '5\r\nhelloXX\r\n']) {
      const answer = await sendRaw(
        url,
        `POST /api/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${rest}`,
        100,
      );
      assert.doesNotMatch(answer, /served/);
    }
  });

  it('cannot bring the gateway down with garbage', async () => {
    const fragments = [
      'GET /api/x HTTP/1.1\r\n',
      'Host: h\r\n',
      'Content-Length: 3\r\n',
      '\r\n',
      '\n',
      '\0',
      '%',
      '0\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Expect: 100-continue\r\n',
      'POST ',
      '\u00ff',
    ];
    const flood = Array.from({ length: 300 }, async () => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => socket.destroy());
      const picks = [...randomBytes(12)].map((byte) => fragments[byte % fragments.length] ?? '');
      socket.write(picks.join(''), 'latin1');
      if (picks.length % 2 === 0) socket.write(randomBytes(64));
      await new Promise((resolve) => setTimeout(resolve, 50));
      socket.destroy();
    });
    await Promise.all(flood);
    await eventually('still serves', async () => (await fetch(`${url}/api/alive`)).ok);
  });
});

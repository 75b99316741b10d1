import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { afterEach, describe, it } from 'node:test';
import { problemsOf } from './config.ts';
import { createTestBed, routeTo, sendRaw } from './gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const ask = (url: string, line: string, host = 'shop.test') =>
  sendRaw(url, `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, 200);

async function echo() {
  return await bed.backend(({ method, url, headers }, response) =>
    response.end(`${method} ${url} ${headers.host}`),
  );
}

describe('a slash in a name', () => {
  it('passes as it came on routes that say so, and is one segment for every decision', async () => {
    const port = await echo();
    const url = await bed.gateway({
      Routes: [
        routeTo(port, '/npm/{name}', { EncodedSlashes: 'Pass', DownstreamPathTemplate: '/registry/{name}' }),
        routeTo(port, '/admin/{rest}', { AuthenticationOptions: { AuthenticationProviderKey: 'Bearer' } }),
        routeTo(port, '/other/{rest}'),
      ],
    });
    assert.match(await ask(url, 'GET /npm/@scope%2fname'), /GET \/registry\/@scope%2fname /);
    assert.match(await ask(url, 'GET /npm/50%25ab.txt'), /GET \/registry\/50%25ab\.txt /);
    for (const path of [
      '/other/a%2Fb',
      '/none%2Fb',
      '/npm/a%2F..%2fb',
      '/npm/%252e%252e',
      '/npm%2F..%2Fadmin/x',
    ])
      assert.match(await ask(url, `GET ${path}`), /^HTTP\/1\.1 400 /, path);
  });
});

describe('a method beyond the usual ones', () => {
  it('is read where some route names it, and is for such routes alone', async () => {
    const port = await echo();
    const Routes = [
      routeTo(port, '/dav/{rest}', { UpstreamHttpMethod: ['PROPFIND', 'Report', 'TRACE'] }),
      routeTo(port, '/{rest}'),
    ];
    const url = await bed.gateway({ Routes });
    assert.match(await ask(url, 'PROPFIND /dav/x'), /^HTTP\/1\.1 200 .*PROPFIND \/dav\/x /s);
    assert.match(await ask(url, 'PROPFIND /x'), /^HTTP\/1\.1 404 /);
    for (const line of ['TRACE /dav/x', 'CONNECT h:1', 'MKCOL /dav/x', 'propfind /dav/x'])
      assert.match(await ask(url, line), /^HTTP\/1\.1 40[05] /, line);
    const h2 = await bed.start({ Routes }, { listen: { cleartext: 'h2c' } });
    const session = connect(h2.url);
    bed.defer(() => session.destroy());
    const [head] = await once(session.request({ ':method': 'REPORT', ':path': '/dav/x' }), 'response');
    assert.equal(head[':status'], 200);
  });
});

describe('the Host for a back end', () => {
  it('is its own, that of the client, or what the route says', async () => {
    const port = await echo();
    const url = await bed.gateway({
      Routes: [
        routeTo(port, '/own'),
        routeTo(port, '/passed', { HostHeader: 'Pass' }),
        routeTo(port, '/set', { HostHeader: 'tenant.internal:81' }),
      ],
    });
    assert.match(await ask(url, 'GET /own', 'shop.test:8080'), new RegExp(` 127.0.0.1:${port}$`, 'm'));
    assert.match(await ask(url, 'GET /passed', 'shop.test:8080'), / shop\.test:8080$/m);
    assert.match(await ask(url, 'GET /set', 'shop.test:8080'), / tenant\.internal:81$/m);
    assert.match(problemsOf({ Routes: [{ HostHeader: 'a b' }] }).join(), /HostHeader: a b is no host/);
  });
});

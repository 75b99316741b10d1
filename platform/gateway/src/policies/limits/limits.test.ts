import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { afterEach, describe, it } from 'node:test';
import { problemsOf, read } from '../../../test/config.ts';
import { createTestBed, openRaw, routeTo, sendRaw } from '../../../test/gateway.ts';
import { LIMITS, readLimits } from './config.ts';

const bed = createTestBed();
afterEach(() => bed.close());

describe('limits of clients', () => {
  it('are what the table says where the file says nothing', () => {
    const { http1, http2, arrivals } = read('{}').limits;
    const given = Object.entries(LIMITS).flatMap(([key, shape]) =>
      'default' in shape ? [[key, shape.default] as const] : [],
    );
    const written = read({ GlobalConfiguration: { LimitOptions: Object.fromEntries(given) } }).limits;
    assert.deepEqual({ ...written, drainTimeoutMs: undefined }, readLimits(undefined));
    assert.equal(http1.idleMs, 90_000);
    assert.deepEqual([http1.maxHeadBytes, http2.maxHeadBytes], [32_768, 32_768]);
    assert.equal(arrivals.maxConnections, 16_384);
  });

  it('that cannot be are refused', () => {
    const LimitOptions = { HeadTimeout: 0, MaxHeaders: 'many', Http2StreamWindow: 9_000_000 };
    const problems = problemsOf({ GlobalConfiguration: { LimitOptions } }).join('\n');
    for (const key of ['HeadTimeout', 'MaxHeaders', 'Http2ConnectionWindow'])
      assert.match(problems, new RegExp(`LimitOptions.${key}: must`));
  });

  it('of heads are 32 KiB and 100 fields, or what the file says', async () => {
    // Not of Node, which takes 16 KiB itself.
    const port = await bed.rawBackend((received) =>
      received.endsWith('\r\n\r\n') ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' : undefined,
    );
    const ask = (url: string, bytes: number) =>
      sendRaw(url, `GET /x HTTP/1.1\r\nHost: h\r\nCookie: a=${'x'.repeat(bytes)}\r\n\r\n`, 150);
    const Routes = [routeTo(port, '/x')];
    const { url } = await bed.start({ Routes });
    assert.match(await ask(url, 30 * 1_024), /^HTTP\/1\.1 200 /);
    assert.match(await ask(url, 33 * 1_024), /^HTTP\/1\.1 431 /);
    const small = await bed.start({ Routes, GlobalConfiguration: { LimitOptions: { MaxHeadSize: 2_048 } } });
    assert.match(await ask(small.url, 1_000), /^HTTP\/1\.1 200 /);
    assert.match(await ask(small.url, 2_048), /^HTTP\/1\.1 431 /);
  });

  it('are in force for new connections after a reload', async () => {
    const port = await bed.backend((_, response) => response.end('ok'));
    const config = (MaxHeadSize: number) =>
      read({ Routes: [routeTo(port, '/x')], GlobalConfiguration: { LimitOptions: { MaxHeadSize } } });
    const gateway = await bed.start({ Routes: [routeTo(port, '/x')] });
    gateway.reload(config(1_024));
    assert.match(
      await sendRaw(gateway.url, `GET /x HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(1_100)}\r\n\r\n`, 150),
      /^HTTP\/1\.1 431 /,
    );
  });

  it('of idle connections are told to clients', async () => {
    const port = await bed.backend((_, response) => response.end('ok'));
    const { url } = await bed.start({ Routes: [routeTo(port, '/x')] });
    assert.match(await sendRaw(url, 'GET /x HTTP/1.1\r\nHost: h\r\n\r\n', 150), /Keep-Alive: timeout=85\r\n/);
    const closing = await sendRaw(url, 'GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', 150);
    assert.doesNotMatch(closing, /Keep-Alive/i);
    const short = { LimitOptions: { KeepAliveTimeout: 0.2 } };
    const other = await bed.start({ Routes: [routeTo(port, '/x')], GlobalConfiguration: short });
    const client = await openRaw(other.url);
    client.write('GET /x HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.doesNotMatch(await client.closed(), /Keep-Alive/i);
  });

  it('of HTTP/2 are told in its settings', async () => {
    const port = await bed.backend((_, response) => response.end('ok'));
    const { url } = await bed.start({ Routes: [routeTo(port, '/x')] }, { listen: { cleartext: 'h2c' } });
    const session = connect(url);
    bed.defer(() => session.destroy());
    const [settings] = await once(session, 'remoteSettings');
    assert.equal(settings.initialWindowSize, 4_194_304);
    const stream = session.request({ ':path': '/x' });
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    assert.equal(head[':status'], 200);
    assert.ok((session.state.remoteWindowSize ?? 0) > 4_194_304, JSON.stringify(session.state));
  });

  it('of tokens leave room for 200 groups', async () => {
    const Secret = 'a secret of this test, long enough for it';
    const json = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const groups = Array.from({ length: 200 }, () => randomUUID());
    const input = `${json({ alg: 'HS256' })}.${json({ exp: Date.now() / 1_000 + 300, groups })}`;
    const token = `${input}.${createHmac('sha256', Secret).update(input).digest('base64url')}`;
    assert.ok(token.length > 9_000);
    const port = await bed.backend((_, response) => response.end('ok'));
    const bearer = { AuthenticationOptions: { AuthenticationProviderKeys: ['Own'] } };
    const status = async (provider: object) => {
      const { url } = await bed.start({
        Routes: [routeTo(port, '/x', bearer)],
        GlobalConfiguration: { AuthenticationProviders: { Own: { Secret, ...provider } } },
      });
      return (await fetch(`${url}/x`, { headers: { authorization: `Bearer ${token}` } })).status;
    };
    assert.equal(await status({}), 200);
    assert.equal(await status({ MaxTokenSize: 8_192 }), 401);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createTestBed, openRaw, routeTo } from './gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const H2C = { DownstreamHttpVersion: '2.0', DownstreamHttpVersionPolicy: 'RequestVersionExact' };
const OK = { ':status': 200, 'content-type': 'application/grpc' };
const GRPC = {
  ':method': 'POST',
  ':path': '/echo.Echo/Talk',
  'content-type': 'application/grpc',
  te: 'trailers',
};

/** A message of so many bytes, as it goes over the wire. */
function message(bytes: number): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes, 1);
  return Buffer.concat([prefix, Buffer.alloc(bytes, 1)]);
}

/** Echoes as it comes, its head with the first message, as servers of gRPC do. */
function echo(stream: ServerHttp2Stream): void {
  stream.on('error', () => {});
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.on('data', (chunk: Buffer) => {
    if (stream.destroyed) return;
    if (!stream.headersSent) stream.respond(OK, { waitForTrailers: true });
    stream.write(chunk);
  });
  stream.on('end', () => {
    if (stream.destroyed) return;
    if (!stream.headersSent) stream.respond(OK, { waitForTrailers: true });
    stream.end();
  });
}

async function start(onCall: (stream: ServerHttp2Stream) => void, keys: object = {}, global: object = {}) {
  const server = createServer().on('stream', onCall);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  bed.defer(() => server.close());
  const { port } = server.address() as AddressInfo;
  const gateway = await bed.start(
    { Routes: [routeTo(port, '/echo.Echo/{method}', { ...H2C, ...keys })], GlobalConfiguration: global },
    { listen: { cleartext: 'h2c' } },
  );
  const session = connect(gateway.url).on('error', () => {});
  bed.defer(() => session.destroy());
  return { gateway, session };
}

interface Outcome {
  readonly httpStatus: unknown;
  readonly type: unknown;
  readonly code: unknown;
  readonly message: unknown;
  readonly pushback: unknown;
  readonly bytes: number;
}

function call(session: ClientHttp2Session, headers: object = {}, body?: Buffer) {
  const stream = session.request({ ...GRPC, ...headers });
  stream.on('error', () => {});
  let head: Record<string, unknown> = {};
  let bytes = 0;
  stream.on('response', (fields) => (head = { ...fields }));
  stream.on('trailers', (fields) => (head = { ...head, ...fields }));
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
  const outcome = once(stream, 'close').then(
    (): Outcome => ({
      httpStatus: head[':status'],
      type: head['content-type'],
      code: Number(head['grpc-status']),
      message: decodeURIComponent(String(head['grpc-message'] ?? '')),
      pushback: head['grpc-retry-pushback-ms'],
      bytes,
    }),
  );
  if (body !== undefined) stream.end(body);
  return { stream, outcome };
}

describe('what the gateway says to a client of gRPC', () => {
  it('is a status of gRPC with its own code and the trace id', async () => {
    const { session } = await start(echo, {
      RateLimitOptions: { Limit: 1, Period: '1h', KeyBy: 'Route' },
    });
    const missing = await call(session, { ':path': '/other.Service/Get' }, message(1)).outcome;
    assert.deepEqual([missing.httpStatus, missing.type, missing.code], [200, 'application/grpc', 12]);
    assert.match(String(missing.message), /^not-found \(trace [0-9a-f]{32}\)$/);

    assert.equal((await call(session, {}, message(1)).outcome).code, 0);
    const limited = await call(session, {}, message(1)).outcome;
    assert.deepEqual([limited.httpStatus, limited.code], [200, 8]);
    assert.ok(Number(limited.pushback) > 1_000, String(limited.pushback));

    const refused = await call(session, { 'x-large': 'x'.repeat(20_000) }, message(1)).outcome;
    assert.deepEqual([refused.httpStatus, refused.code], [200, 8]);
  });

  it('names who was at fault: the token, the back end, the time', async () => {
    const auth = await start(echo, { AuthenticationOptions: { AuthenticationProviderKey: 'Bearer' } });
    assert.equal((await call(auth.session, {}, message(1)).outcome).code, 16);
    const away = await start(echo, { DownstreamHostAndPorts: [{ Host: '127.0.0.1', Port: 1 }] });
    assert.equal((await call(away.session, {}, message(1)).outcome).code, 14);
    const never = await start(() => {});
    const late = await call(never.session, { 'grpc-timeout': '300m' }, message(1)).outcome;
    assert.equal(late.code, 4);
  });

  it('is counted by the status that it would have in HTTP', async () => {
    const { session } = await start(echo);
    await call(session, { ':path': '/none/such' }, message(1)).outcome;
    assert.match(bed.metrics.render(), /http_response_status_code="404"/);
  });

  it('is a problem to everybody else', async () => {
    const { session } = await start(echo);
    const json = await call(session, { ':path': '/none', 'content-type': 'application/json' }, message(1))
      .outcome;
    assert.deepEqual([json.httpStatus, json.type], [404, 'application/problem+json']);
  });

  it('is that calls need HTTP/2 on both sides', async () => {
    const port = await bed.backend((_, response) => response.end('{}'));
    const routes = [routeTo(port, '/{everything}')];
    const h2 = await bed.start({ Routes: routes }, { listen: { cleartext: 'h2c' } });
    const session = connect(h2.url);
    bed.defer(() => session.destroy());
    const lost = await call(session, {}, message(1)).outcome;
    assert.equal(lost.code, 12);
    assert.match(String(lost.message), /^no-grpc-here/);

    const { url } = await bed.start({ Routes: [routeTo(port, '/{everything}', H2C)] });
    const client = await openRaw(url);
    client.write(
      'POST /a.B/c HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n',
    );
    assert.match(await client.until(/grpc-needs-http2/), /^HTTP\/1\.1 505 /);
    client.socket.destroy();
  });
});

describe('a call of gRPC', () => {
  const SHORT = { QoSOptions: { Timeout: 200 } };

  it('may have its first message late, and be sent slowly: the time is what its client says', async () => {
    const late = await start((stream) => {
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      setTimeout(() => {
        stream.respond(OK, { waitForTrailers: true });
        stream.end(message(3));
      }, 700);
    }, SHORT);
    const answered = await call(late.session, {}, message(1)).outcome;
    assert.deepEqual([answered.code, answered.bytes], [0, 8]);

    const slow = await start((stream) => {
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.resume().on('end', () => {
        stream.respond(OK, { waitForTrailers: true });
        stream.end(message(3));
      });
    }, SHORT);
    const { stream, outcome } = call(slow.session);
    for (let count = 0; count < 4; count += 1) {
      stream.write(message(10));
      await delay(150);
    }
    stream.end();
    assert.equal((await outcome).code, 0);
  });

  it('is limited by the size of its messages, not of their stream', async () => {
    const { session } = await start(echo, { MaxRequestBodySize: 1_000 });
    const { stream, outcome } = call(session);
    for (let count = 0; count < 20; count += 1) stream.write(message(900));
    stream.end();
    const whole = await outcome;
    assert.deepEqual([whole.code, whole.bytes], [0, 20 * 905]);

    const over = call(session);
    over.stream.write(Buffer.concat([message(900), message(1_001)]));
    const refused = await over.outcome;
    assert.deepEqual([refused.code, String(refused.message).startsWith('body-too-large')], [8, true]);
  });
});

describe('an upload that still runs', () => {
  async function upload(read: object) {
    const port = await bed.backend((request, response) => {
      request.resume().on('end', () => response.end('all of it'));
    });
    const { url } = await bed.start(
      { Routes: [routeTo(port, '/x', { QoSOptions: { Timeout: 1_500 } })] },
      { read },
    );
    const client = await openRaw(url);
    client.write('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 8000\r\nConnection: close\r\n\r\n');
    for (let sent = 0; sent < 8 && !client.socket.closed; sent += 1) {
      client.write('x'.repeat(1_000));
      await delay(250);
    }
    return await client.closed();
  }

  it('does not use up the time of its route, which begins with its end', async () => {
    assert.match(await upload({}), /^HTTP\/1\.1 200 .*all of it/s);
  });

  it('does in Ocelot', async () => {
    assert.match(await upload({ strict: true }), /^HTTP\/1\.1 503 /);
  });

  it('that the back end does not take is over after that time', async () => {
    const port = await bed.backend((request) => request.pause());
    const { url } = await bed.start({
      Routes: [routeTo(port, '/x', { QoSOptions: { Timeout: 300 }, MaxRequestBodySize: 0 })],
    });
    const client = await openRaw(url);
    client.write('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99000000\r\nConnection: close\r\n\r\n');
    const chunk = 'x'.repeat(1_000_000);
    for (let sent = 0; sent < 99 && !/HTTP/.test(client.text()); sent += 1) {
      client.write(chunk);
      await delay(20);
    }
    assert.match(await client.until(/HTTP\/1\.1 \d+/), /^HTTP\/1\.1 504 /);
    client.socket.destroy();
  });
});

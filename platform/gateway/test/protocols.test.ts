import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { silentLogger } from '@flotilla/telemetry';
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { createTestCertificate } from './certificate.ts';
import { bodyOf, createTestBed, routeTo, type TestGatewayOptions } from './gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const tls = createTestCertificate();
const H2C = { DownstreamHttpVersion: '2.0', DownstreamHttpVersionPolicy: 'RequestVersionExact' };

describe('an HTTP/2 client', () => {
  it('is served by an HTTP/1.1 back end, many requests on one connection', async () => {
    const port = await bed.backend(async (request, response) => {
      const body = await bodyOf(request);
      response.setHeader('x-version', request.httpVersion);
      response.end(`${request.method} ${request.url} ${request.headers.host} ${body}`);
    });
    const gateway = await bed.start({ Routes: [routeTo(port, '/x/{rest}')] }, { listen: { tls } });
    const session = connectHttp2(gateway.url, { ca: tls.cert });
    bed.defer(() => session.destroy());
    assert.match(gateway.url, /^https:/);
    const ask = async (id: number) => {
      const stream = session.request({ ':method': 'POST', ':path': `/x/${id}?q=1` });
      stream.end(`body ${id}`);
      const [head] = await once(stream, 'response');
      return { status: head[':status'], version: head['x-version'], text: String(await bodyOf(stream)) };
    };
    const answers = await Promise.all(Array.from({ length: 50 }, (_, id) => ask(id)));
    answers.forEach((answer, id) => {
      const text = `POST /x/${id}?q=1 127.0.0.1:${port} body ${id}`;
      assert.deepEqual(answer, { status: 200, version: '1.1', text });
    });
    const missing = session.request({ ':path': '/nowhere' });
    const [head] = await once(missing, 'response');
    assert.equal(head[':status'], 404);
    assert.match(String(await bodyOf(missing)), /"code":"not-found"/);
  });

  it('and an HTTP/1.1 client share a port with TLS', async () => {
    const port = await bed.backend((_, response) => response.end('ok'));
    const { port: gatewayPort } = await bed.start({ Routes: [routeTo(port, '/x')] }, { listen: { tls } });
    const { request } = await import('node:https');
    const asked = request({
      port: gatewayPort,
      host: '127.0.0.1',
      path: '/x',
      ca: tls.cert,
      agent: false,
    }).end();
    const [response] = await once(asked, 'response');
    assert.equal(response.httpVersion, '1.1');
    assert.equal(String(await bodyOf(response)), 'ok');
  });

  it('that resets its stream ends the request at the back end', async () => {
    const arrived = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const port = await bed.backend((request) => {
      request.socket.on('close', () => gone.resolve());
      arrived.resolve();
    });
    const gateway = await bed.start({ Routes: [routeTo(port, '/x')] }, { listen: { cleartext: 'h2c' } });
    const session = connectHttp2(gateway.url);
    bed.defer(() => session.destroy());
    const stream = session.request({ ':path': '/x' });
    stream.on('error', () => undefined);
    await arrived.promise;
    stream.close(8);
    await gone.promise;
  });
});

describe('gRPC', () => {
  const same = (value: Buffer) => value;
  const method = (name: string, isStream: boolean) => ({
    path: `/test.Echo/${name}`,
    requestStream: isStream,
    responseStream: isStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  });

  async function start() {
    const server = new Server();
    server.addService(
      { unary: method('unary', false), fail: method('fail', false), talk: method('talk', true) },
      {
        unary: (
          call: ServerUnaryCall<Buffer, Buffer>,
          reply: (error: null, value: Buffer, trailers: Metadata) => void,
        ) => {
          const trailers = new Metadata();
          trailers.set('x-trailer', String(call.metadata.get('x-asked')[0]));
          reply(null, call.request, trailers);
        },
        fail: (_call: unknown, reply: (error: object) => void) =>
          reply({ code: status.FAILED_PRECONDITION, details: 'not now' }),
        talk: (call: ServerDuplexStream<Buffer, Buffer>) => {
          call.on('data', (value: Buffer) => call.write(value));
          call.on('end', () => call.end());
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    bed.defer(() => server.forceShutdown());
    const gateway = await bed.start(
      { Routes: [routeTo(port, '/test.Echo/{method}', H2C)] },
      { listen: { tls } },
    );
    const client = new Client(`localhost:${gateway.port}`, credentials.createSsl(Buffer.from(tls.cert)));
    bed.defer(() => client.close());
    return { client, gateway };
  }

  it('passes through TLS with its trailers, its errors and its streams', async () => {
    const { client } = await start();
    const metadata = new Metadata();
    metadata.set('x-asked', 'yes');
    let trailer: unknown;
    const value = await new Promise<Buffer | undefined>((resolve, reject) => {
      const call = client.makeUnaryRequest(
        '/test.Echo/unary',
        same,
        same,
        Buffer.from('hi'),
        metadata,
        (error, got) => (error === null ? resolve(got) : reject(error)),
      );
      call.on('status', ({ metadata: trailers }) => {
        trailer = trailers.get('x-trailer')[0];
      });
    });
    assert.equal(String(value), 'hi');
    assert.equal(trailer, 'yes');

    const failure = await new Promise<ServiceError | null>((resolve) => {
      client.makeUnaryRequest('/test.Echo/fail', same, same, Buffer.from(''), (error) => resolve(error));
    });
    assert.deepEqual([failure?.code, failure?.details], [status.FAILED_PRECONDITION, 'not now']);

    const talk = client.makeBidiStreamRequest('/test.Echo/talk', same, same);
    const heard: string[] = [];
    for (const word of ['one', 'two', 'three']) {
      talk.write(Buffer.from(word)); // each is answered before the next is sent: nothing is held back
      const [answer] = await once(talk, 'data');
      heard.push(String(answer));
    }
    talk.end();
    await once(talk, 'end');
    assert.deepEqual(heard, ['one', 'two', 'three']);
  });

  it('is told in its own way that there is no such route, and that the back end is away', async () => {
    const { client } = await start();
    const failure = await new Promise<ServiceError | null>((resolve) => {
      client.makeUnaryRequest('/other.Service/x', same, same, Buffer.from(''), (error) => resolve(error));
    });
    assert.equal(failure?.code, status.UNIMPLEMENTED);
  });
});

describe('a back end with TLS that does not know HTTP/2', () => {
  async function start(more: object, options: TestGatewayOptions = {}) {
    const server = createHttpsServer(tls, (request, response) => response.end(request.httpVersion));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    bed.defer(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo; // a TCP server that listens
    const secure = { DownstreamScheme: 'https', DangerousAcceptAnyServerCertificateValidator: true };
    const route = routeTo(port, '/x', { ...secure, DownstreamHttpVersion: '2', ...more });
    return bed.start({ Routes: [route] }, options);
  }

  it('is spoken to in HTTP/1.1 where the policy says "or lower"', async () => {
    const { url } = await start({});
    const response = await fetch(`${url}/x`);
    assert.deepEqual([response.status, await response.text()], [200, '1.1']);
  });

  it('is a bad gateway where it must be HTTP/2, and the log says why', async () => {
    const reasons: unknown[] = [];
    const warn = (fields: { readonly reason?: unknown }) => reasons.push(fields.reason);
    const exact = { DownstreamHttpVersionPolicy: 'RequestVersionExact' };
    const { url } = await start(exact, { logger: { ...silentLogger, warn } });
    assert.equal((await fetch(`${url}/x`)).status, 502);
    assert.ok(reasons.includes('other-protocol'), String(reasons));
  });
});

describe('an HTTP/2 back end', () => {
  it('serves an HTTP/1.1 client on a connection that all share', async () => {
    const server = createHttp2Server((request, response) => {
      response.end(`${request.httpVersion} ${request.url}`);
    });
    let connections = 0;
    server.on('session', (session) => {
      connections += 1;
      bed.defer(() => session.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    bed.defer(() => server.close());
    const { port } = server.address() as AddressInfo; // a TCP server that listens
    const { url } = await bed.start({
      Routes: [routeTo(port, '/x/{rest}', H2C)],
    });
    assert.equal(await (await fetch(`${url}/x/0`)).text(), '2.0 /x/0');
    const texts = await Promise.all(
      Array.from({ length: 30 }, async (_, id) => (await fetch(`${url}/x/${id}`)).text()),
    );
    assert.deepEqual(
      texts,
      Array.from({ length: 30 }, (_, id) => `2.0 /x/${id}`),
    );
    assert.equal(connections, 1);
  });
});

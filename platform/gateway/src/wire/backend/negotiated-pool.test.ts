import assert from 'node:assert/strict';
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { type BackendBed, createBackendBed, testOrigin, until } from '../../../test/backend-rig.ts';
import { createTestCertificate } from '../../../test/certificate.ts';
import type { Origin } from './backend-call.ts';

const { cert, key } = createTestCertificate();

let bed: BackendBed;
beforeEach(() => {
  bed = createBackendBed();
});
afterEach(() => bed.close());

interface BackEnd {
  readonly origin: Origin;
  /** What new connections agree on: nothing is said in their handshakes where it is `none`. */
  speaks: 'h2' | 'http/1.1' | 'none';
  /** How many connections there were. */
  arrived: number;
  readonly http1: TLSSocket[];
  readonly http2: ServerHttp2Session[];
}

/** Answers with its version, and can be exchanged for another one while it runs. */
async function start(speaks: BackEnd['speaks'], more: Partial<Origin> = {}): Promise<BackEnd> {
  const http1: TLSSocket[] = [];
  const http2: ServerHttp2Session[] = [];
  const answer = (socket: TLSSocket) => {
    http1.push(socket.on('error', () => {}));
    socket.on('data', (chunk: Buffer) => {
      const isUpgrade = chunk.includes('Upgrade: websocket');
      for (const _ of chunk.toString('latin1').matchAll(/\r\n\r\n/g))
        socket.write(
          isUpgrade
            ? 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
            : 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n1.1',
        );
    });
  };
  const servers = {
    none: createTlsServer({ cert, key }, answer),
    'http/1.1': createTlsServer({ cert, key, ALPNProtocols: ['http/1.1'] }, answer),
    h2: createSecureServer({ cert, key, allowHTTP1: true }),
  };
  for (const server of Object.values(servers)) server.on('tlsClientError', () => {});
  servers.h2.on('session', (session) => http2.push(session.on('error', () => {})));
  servers.h2.on('request', (request, response) => response.end(request.httpVersion));
  const port = await bed.listen(
    createServer((socket) => {
      backEnd.arrived += 1;
      servers[backEnd.speaks].emit('connection', socket);
    }),
  );
  const secure = { secure: true, tls: { ca: cert } };
  const origin = testOrigin(port, { protocol: '2-or-lower', ...secure, ...more });
  const backEnd: BackEnd = { speaks, origin, arrived: 0, http1, http2 };
  return backEnd;
}

const bodyOf = async (origin: Origin) => (await bed.send(origin).outcome).body;

describe('HTTP/2 or lower over TLS', () => {
  for (const speaks of ['none', 'http/1.1'] as const)
    it(`is HTTP/1.1 with a back end whose handshake says ${speaks}, on the connection that found out`, async () => {
      const backEnd = await start(speaks);
      assert.equal(await bodyOf(backEnd.origin), '1.1');
      assert.equal(await bodyOf(backEnd.origin), '1.1');
      assert.equal(backEnd.arrived, 1);
      const bodies = await Promise.all(Array.from({ length: 10 }, () => bodyOf(backEnd.origin)));
      assert.deepEqual([...new Set(bodies)], ['1.1']);
    });

  it('is HTTP/2 with one that chooses it, on one connection for all', async () => {
    const backEnd = await start('h2');
    const bodies = await Promise.all(Array.from({ length: 30 }, () => bodyOf(backEnd.origin)));
    assert.deepEqual([...new Set(bodies)], ['2.0']);
    assert.equal(backEnd.http2.length, 1);
  });

  it('finds out once for all who come meanwhile', async () => {
    const backEnd = await start('http/1.1', { maxConnections: 2 });
    const bodies = await Promise.all(Array.from({ length: 10 }, () => bodyOf(backEnd.origin)));
    assert.deepEqual([...new Set(bodies)], ['1.1']);
    assert.ok(backEnd.http1.length <= 2, `${backEnd.http1.length} connections`);
  });

  it('notices on new connections that the back end has learnt it, and finishes what is under way', async () => {
    const backEnd = await start('http/1.1', { connectionLifetimeMs: 500 });
    assert.equal(await bodyOf(backEnd.origin), '1.1');
    backEnd.speaks = 'h2';
    assert.equal(await bodyOf(backEnd.origin), '1.1', 'the open connection goes on');
    bed.timers.advance(600);
    const bodies = await Promise.all(Array.from({ length: 5 }, () => bodyOf(backEnd.origin)));
    assert.deepEqual(bodies, Array(5).fill('2.0'));
    await until(() => backEnd.http2.filter(({ closed }) => !closed).length === 1);
    assert.equal(await bodyOf(backEnd.origin), '2.0');
  });

  it('notices that the back end has lost it', async () => {
    const backEnd = await start('h2');
    assert.equal(await bodyOf(backEnd.origin), '2.0');
    backEnd.speaks = 'none';
    backEnd.http2[0]?.close();
    await until(() => bed.backendClient.stats()[0]?.idle === 0);
    assert.equal(await bodyOf(backEnd.origin), '1.1');
    assert.equal(backEnd.http1.length, 1);
  });

  it('is HTTP/1.1 for a WebSocket, whatever the back end prefers', async () => {
    const backEnd = await start('none');
    const { kind } = await bed.send(backEnd.origin, { upgrade: true }).outcome;
    assert.equal(kind, 'switched');
    const other = await start('h2');
    assert.equal(await bodyOf(other.origin), '2.0');
    other.speaks = 'http/1.1';
    assert.equal((await bed.send(other.origin, { upgrade: true }).outcome).kind, 'switched');
  });

  it('passes other failures on, and forgets an origin that is not used', async () => {
    const { failure } = await bed.send(testOrigin(1, { protocol: '2-or-lower', secure: true })).outcome;
    assert.deepEqual([failure?.progress, failure?.reason], ['not-sent', 'refused']);
    const backEnd = await start('none');
    const untrusted = { ...backEnd.origin, key: 'untrusted', tls: {} };
    assert.equal((await bed.send(untrusted).outcome).failure?.reason, 'untrusted');
    assert.equal(await bodyOf(backEnd.origin), '1.1');
    bed.timers.advance(15_000);
    await until(() => bed.backendClient.stats().every(({ idle }) => idle === 0));
    bed.timers.advance(1_000);
    bed.timers.advance(1_000);
    assert.deepEqual(bed.backendClient.stats(), []);
  });

  it('can be given up while it is not known', async () => {
    const backEnd = await start('none');
    bed.send(backEnd.origin).call.abort();
    assert.equal(await bodyOf(backEnd.origin), '1.1');
  });
});

describe('HTTP/2 and nothing else', () => {
  for (const speaks of ['none', 'http/1.1'] as const)
    it(`is refused by a back end whose handshake says ${speaks}, and nothing is sent`, async () => {
      const backEnd = await start(speaks, { protocol: '2' });
      const { failure } = await bed.send(backEnd.origin).outcome;
      assert.deepEqual([failure?.progress, failure?.reason], ['not-sent', 'other-protocol']);
    });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, afterEach, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { eventually } from '@flotilla/kernel/testing';
import { createTestCertificate } from '../../../test/certificate.ts';
import { echo, request, type TestClient, watch } from '../../../test/http1-client.ts';
import { createTimers } from '../../time/timers.ts';
import { createArrivals, DEFAULT_ARRIVAL_LIMITS } from './arrivals.ts';
import { createHttp1Listener } from './http1/listener.ts';
import { type ListenTlsOptions, listenPlain, listenTls } from './listen.ts';

const FIRST = createTestCertificate('first.test');
const SECOND = createTestCertificate('second.test');
const cleanups: (() => unknown)[] = [];
const timers = createTimers({ tickMs: 5 });
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
after(() => timers.close());

function listener() {
  const made = createHttp1Listener({
    timers,
    onRequest: echo,
    onRefused: () => undefined,
    onFault: (error) => assert.fail(String(error)),
  });
  cleanups.push(() => made.drain(0));
  return made;
}

async function startTls(options: Partial<ListenTlsOptions> = {}) {
  const { accept } = listener();
  const listening = await listenTls({ host: '127.0.0.1', port: 0, timers, accept, tls: FIRST, ...options });
  cleanups.push(listening.close);
  return listening;
}

async function tlsClient(port: number, ALPNProtocols: string[] = []) {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols });
  cleanups.push(() => socket.destroy());
  await once(socket, 'secureConnect');
  return { ...watch(socket), socket };
}

describe('listening with TLS', () => {
  it('serves HTTP/1.1, and hands those who choose HTTP/2 over', async () => {
    const chosen: unknown[] = [];
    const { port } = await startTls({
      onHttp2: (socket) => {
        chosen.push(socket.alpnProtocol);
        socket.destroy();
      },
    });
    for (const protocols of [[], ['http/1.1'], ['http/1.1', 'x']]) {
      const { send, until } = await tlsClient(port, protocols);
      send(request('/', 'Content-Length: 5\r\n', 'hello', 'POST'));
      await until(/POST \/ hello;$/);
    }
    await (await tlsClient(port, ['h2', 'http/1.1'])).closed();
    assert.deepEqual(chosen, ['h2']);
  });

  it('offers no HTTP/2 that nobody takes', async () => {
    const { port } = await startTls();
    const { socket } = await tlsClient(port, ['h2', 'http/1.1']);
    assert.equal(socket.alpnProtocol, 'http/1.1');
  });

  it('takes new certificates for new connections, and refuses broken ones', async () => {
    const { port, setCertificates } = await startTls();
    const name = async () => (await tlsClient(port)).socket.getPeerCertificate().subject.CN;
    const old = await tlsClient(port);
    assert.equal(await name(), 'first.test');
    setCertificates(SECOND);
    assert.equal(await name(), 'second.test');
    assert.throws(() => setCertificates({ key: 'none', cert: 'none' }));
    assert.equal(await name(), 'second.test');
    old.send(request('/still'));
    await old.until(/GET \/still ;$/);
  });

  it('survives clients that speak no TLS or are too many', async () => {
    const reasons: string[] = [];
    const { port, connections } = await startTls({
      limits: { maxConnections: 2 },
      onTurnedAway: (reason, owner) => reasons.push(`${reason} ${owner}`),
    });
    const plain = await plainClient(port);
    plain.send(request('/'));
    await plain.closed();
    await eventually('it is counted', () => reasons.length === 1 && connections() === 0);
    const held = [await tlsClient(port), await tlsClient(port)];
    await (await plainClient(port)).closed();
    assert.deepEqual(reasons, ['handshake 127.0.0.1', 'too-many 127.0.0.1']);
    for (const { send, until } of held) {
      send(request('/'));
      await until(/GET \/ ;$/);
    }
  });

  it('ends its answers so that the client can tell', async () => {
    const { port } = await startTls();
    const { send, closed } = await tlsClient(port);
    send(`${request('/', 'Bad Field: x\r\n')}${'x'.repeat(500_000)}`);
    assert.match(await closed(), /^HTTP\/1\.1 400 [\s\S]*"malformed-request"/);
  });
});

async function plainClient(port: number): Promise<TestClient> {
  const socket = connect({ port, host: '127.0.0.1' });
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  return watch(socket);
}

describe('connections', () => {
  it('are bounded per address, and counted down again', async () => {
    const reasons: string[] = [];
    const { accept } = listener();
    const { port, close, connections } = await listenPlain({
      host: '127.0.0.1',
      port: 0,
      timers,
      accept,
      limits: { maxConnectionsPerAddress: 2 },
      onTurnedAway: (reason, owner) => reasons.push(`${reason} ${owner}`),
    });
    cleanups.push(close);
    const one = await plainClient(port);
    await plainClient(port);
    assert.equal(await (await plainClient(port)).closed(), '');
    assert.deepEqual(reasons, ['too-many-of-address 127.0.0.1']);
    one.socket.destroy();
    await eventually('there is room', () => connections() === 1);
    const next = await plainClient(port);
    next.send(request('/'));
    await next.until(/GET \/ ;$/);
  });

  it('are counted by whom they belong to', () => {
    const arrivals = createArrivals({
      ...DEFAULT_ARRIVAL_LIMITS,
      maxConnectionsPerAddress: 1,
      maxArrivalsPerSecond: 3,
    });
    const outcomes = (addresses: readonly string[]) => addresses.map((address) => arrivals.arrived(address));
    assert.deepEqual(outcomes(['10.0.0.1', '10.0.0.1', '10.0.0.2', '::ffff:10.0.0.3', '::ffff:10.0.0.4']), [
      undefined,
      'too-many-of-address',
      undefined,
      undefined,
      undefined,
    ]);
    assert.deepEqual(outcomes(['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:db8:1:3::1', '2001:db8::1']), [
      undefined,
      'too-many-of-address',
      undefined,
      undefined,
    ]);
    assert.deepEqual(outcomes(['::1', '::2']), [undefined, 'too-many-of-address']);
    // A load balancer brings the connections of many.
    assert.equal(arrivals.arrived('10.0.0.2', true), undefined);
    arrivals.left('10.0.0.2');
    arrivals.left('10.0.0.1');
    assert.deepEqual(outcomes(['10.0.0.1', '10.0.0.1']), [undefined, 'too-fast']);
    arrivals.nextSecond();
    assert.deepEqual(outcomes(['10.0.0.1']), ['too-many-of-address']);
    assert.equal(arrivals.open, 8);
  });
});

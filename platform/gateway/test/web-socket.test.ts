import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createTestBed, openRaw, routeTo } from './gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

/** A back end that agrees to every handshake and sends back what it gets. */
async function webSocketBackend(onSocket: (socket: Duplex) => void = (socket) => socket.pipe(socket)) {
  const server = createServer();
  const sockets: Duplex[] = [];
  server.on('upgrade', (_request, socket: Duplex) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  bed.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

const HANDSHAKE =
  'GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

async function open(port: number, more: object = {}) {
  const gateway = await bed.start({
    Routes: [routeTo(port, '/ws', { DownstreamScheme: 'ws', ...more })],
  });
  const client = await openRaw(gateway.url);
  client.write(HANDSHAKE);
  await client.until(/^HTTP\/1\.1 101 .*\r\n\r\n/s);
  return { gateway, client };
}

describe('a WebSocket', () => {
  it('is a tunnel both ways, also for what comes with the heads, and counts as one request in flight', async () => {
    const { port } = await webSocketBackend((socket) => {
      socket.write('hello');
      socket.pipe(socket);
    });
    const { gateway, client } = await open(port);
    await client.until(/hello$/);
    assert.match(client.text(), /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
    client.write('\x81\x02hi!');
    await client.until(/hi!$/);
    assert.ok(client.text().endsWith('\x81\x02hi!'), 'bytes are passed as they are');
    assert.equal(gateway.admin.limits().inFlight, 1);
    client.socket.destroy();
    await eventually('it is over', () => gateway.admin.limits().inFlight === 0);
  });

  it('ends for the back end when the client goes, and the other way round', async () => {
    const { port, sockets } = await webSocketBackend();
    const first = await open(port);
    first.client.socket.destroy();
    await eventually(
      'the back end sees the end',
      () => sockets[0]?.closed === true || sockets[0]?.destroyed === true,
    );
    const second = await open(port);
    sockets[1]?.end('bye');
    assert.match(await second.client.closed(), /bye$/);
    const third = await open(port);
    sockets[2]?.destroy();
    await third.client.closed();
    await eventually('nothing is left', () => third.gateway.admin.limits().inFlight === 0);
    const instance = third.gateway.admin.backends.states()[0]?.instances[0];
    assert.equal(instance?.inFlight, 0);
  });

  it('holds a side back that is faster than the other', async () => {
    let written = 0;
    const { port } = await webSocketBackend((socket) => {
      const chunk = Buffer.alloc(65_536);
      const flood = () => {
        while (written < 200 * 2 ** 20) {
          written += chunk.length;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on('drain', flood);
      flood();
    });
    const { client } = await open(port);
    client.socket.pause();
    let before = -1;
    const standsStill = () => {
      const same = before === written;
      before = written;
      return same;
    };
    await eventually('the back end is held back', standsStill, 60_000, 100);
    assert.ok(written < 60 * 2 ** 20, `${written} bytes were taken for a client that reads none`);
    client.socket.destroy();
  });

  it('may be silent for longer than any time of the route and of requests', async () => {
    const { port } = await webSocketBackend();
    const { client } = await open(port, { QoSOptions: { Timeout: 1_000 } });
    await new Promise((resolve) => setTimeout(resolve, 1_300)); // what is proved is that nothing happens
    client.write('still');
    await client.until(/still$/);
    client.socket.destroy();
  });

  it('in which neither side says anything is closed on both, and counted', async () => {
    const { port, sockets } = await webSocketBackend();
    const { client } = await open(port, { WebSocketOptions: { IdleTimeout: 1 } });
    client.write('x');
    await client.until(/x$/);
    await client.closed();
    await eventually('the back end sees the end', () => sockets[0]?.closed === true);
    assert.match(bed.metrics.render(), /gateway_idle_websockets_total\{http_route="\/ws"\} 1/);
  });

  it('is asked by the kernel for signs of life, on both sides', {
    skip: process.platform !== 'linux',
  }, async () => {
    const { port } = await webSocketBackend();
    const { gateway, client } = await open(port);
    const hex = (number: number) => number.toString(16).toUpperCase().padStart(4, '0');
    const table = async () => (await readFile('/proc/net/tcp', 'latin1')).split('\n');
    // Local and remote address, state 01 = open, queues, timer 02 = keep-alive.
    const isWatched = (local: string, remote: string) => async () =>
      (await table()).some((line) =>
        new RegExp(`^ *\\d+: \\w+:${local} \\w+:${remote} 01 \\w+:\\w+ 02:`).test(line),
      );
    await eventually('the client is', isWatched(hex(gateway.port), hex(client.socket.localPort ?? 0)));
    await eventually('the back end is', isWatched('\\w+', hex(port)));
    client.socket.destroy();
  });

  it('is refused like any request: by policies, and when the back end does not agree', async () => {
    const { port } = await webSocketBackend();
    const bearer = { AuthenticationOptions: { AuthenticationProviderKey: 'Bearer' } };
    const { url } = await bed.start({
      Routes: [routeTo(port, '/ws', { DownstreamScheme: 'ws', ...bearer })],
    });
    const client = await openRaw(url);
    client.write(HANDSHAKE);
    assert.match(await client.closed(), /^HTTP\/1\.1 401 /);

    const plain = await bed.backend((_, response) => response.writeHead(403).end('no'));
    const other = await bed.start({ Routes: [routeTo(plain, '/ws', { DownstreamScheme: 'ws' })] });
    const second = await openRaw(other.url);
    second.write(`${HANDSHAKE}GET /ws HTTP/1.1\r\nHost: h\r\n\r\n`);
    const text = await second.closed();
    assert.match(text, /^HTTP\/1\.1 403 .*\r\n\r\n2\r\nno\r\n/s);
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1, 'nothing behind it is executed');
  });

  it('passes on routes whose scheme is http as well, with the same policies', async () => {
    const { port } = await webSocketBackend();
    for (const read of [{}, { strict: true }]) {
      const { url } = await bed.start(
        { Routes: [routeTo(port, '/ws', { DownstreamScheme: 'http' })] },
        { read },
      );
      const client = await openRaw(url);
      client.write(HANDSHAKE);
      await client.until(/^HTTP\/1\.1 101 .*\r\n\r\n/s);
      client.write('hello');
      await client.until(/hello$/);
      client.socket.destroy();

      const foreign = await openRaw(url);
      foreign.write(HANDSHAKE.replace('\r\n\r\n', '\r\nOrigin: https://other.test\r\n\r\n'));
      assert.match(await foreign.until(/\r\n\r\n/), /^HTTP\/1\.1 403 /);
      foreign.socket.destroy();
    }
  });

  it('does not pass on those routes where the file names others for it, unless it is told to', async () => {
    const { port } = await webSocketBackend();
    const plain = await bed.backend((_, response) => response.end('plain'));
    const ws = routeTo(port, '/other', { DownstreamScheme: 'ws' });
    const named = await bed.start({ Routes: [ws, routeTo(plain, '/ws')] });
    const client = await openRaw(named.url);
    client.write(HANDSHAKE);
    assert.match(await client.closed(), /^HTTP\/1\.1 200 .*plain/s);
    const route = routeTo(port, '/ws', { WebSocketOptions: { Enabled: true } });
    const { url } = await bed.start({ Routes: [ws, route] });
    const allowed = await openRaw(url);
    allowed.write(HANDSHAKE);
    await allowed.until(/^HTTP\/1\.1 101 /);
    allowed.socket.destroy();
  });

  it('may say that its handshake has no body', async () => {
    const { port } = await webSocketBackend();
    const { url } = await bed.start({ Routes: [routeTo(port, '/ws', { DownstreamScheme: 'ws' })] });
    const client = await openRaw(url);
    client.write(HANDSHAKE.replace('\r\n\r\n', '\r\nContent-Length: 0\r\n\r\n'));
    await client.until(/^HTTP\/1\.1 101 .*\r\n\r\n/s);
    client.write('hello');
    await client.until(/hello$/);
    const other = await openRaw(url);
    other.write(HANDSHAKE.replace('\r\n\r\n', '\r\nContent-Length: 1\r\n\r\nx'));
    assert.match(await other.closed(), /^HTTP\/1\.1 400 /);
    client.socket.destroy();
  });

  it('does not keep a gateway from closing', async () => {
    const { port } = await webSocketBackend();
    const { gateway, client } = await open(port);
    await gateway.close();
    await client.closed();
  });
});

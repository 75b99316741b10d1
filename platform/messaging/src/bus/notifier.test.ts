import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { type Logger, silentLogger } from '@flotilla/telemetry';
import { createNotifier } from './notifier.ts';

/** Like a pooler in transaction mode: everything works, only notifications never come, or all too late. */
async function startDeafProxy(uri: string) {
  const target = new URL(uri);
  const sockets = new Set<Socket>();
  const swallowed: (() => void)[] = [];
  let cutAt: string | undefined;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk) => {
      if (cutAt === undefined || !chunk.includes(cutAt)) return void upstream.write(chunk);
      cutAt = undefined;
      client.destroy();
    });
    client.on('end', () => upstream.end());
    let buffered = Buffer.alloc(0);
    upstream.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 5) {
        const length = 1 + buffered.readInt32BE(1);
        if (buffered.length < length) break;
        const message = buffered.subarray(0, length);
        if (buffered[0] === NOTIFICATION) swallowed.push(() => client.write(message));
        else client.write(message);
        buffered = buffered.subarray(length);
      }
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const through = new URL(uri);
  through.port = String(address.port);
  through.searchParams.delete('host'); // the socket file would go around the proxy
  return {
    uri: through.href,
    /** Cuts the next connection on which this is sent, before the server has it. */
    cutNextAt: (text: string) => {
      cutAt = text;
    },
    /** Passes on what it has kept back. */
    catchUp: () => {
      for (const send of swallowed) send();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const NOTIFICATION = 'A'.charCodeAt(0);

describe('the notifier', () => {
  let bus: TestDatabase;
  before(async () => {
    bus = await createTestDatabase();
  });
  after(() => bus.close());

  /** It ends with the test, also with one that fails. */
  function subject(test: TestContext, uri: string, probeTimeoutMs: number, logger: Logger = silentLogger) {
    const db = createDatabase({ uri, applicationName: 'notifier-test', acquireTimeoutMs: 30_000 });
    const probes: boolean[] = [];
    const notifier = createNotifier(db, {
      ...{ channel: 'test', owner: crypto.randomUUID(), clock: systemClock, logger, probeTimeoutMs },
      onProbed: (works) => probes.push(works),
    });
    test.after(async () => {
      await notifier.close();
      await db.close();
    });
    return { notifier, probes };
  }

  it('finds that notifications arrive, again after each reconnect', async (t) => {
    const { notifier, probes } = subject(t, bus.uri, 60_000);
    await eventually('the first probe', () => probes.length === 1);
    assert.ok(notifier.works() && notifier.presence() !== null);
    await bus.db.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'notifier-test'",
    );
    await eventually('the second probe', () => probes.length >= 2 && notifier.works());
  });

  it('says once that they do not, and shows no sign of life that is not its own', async (t) => {
    const warnings: string[] = [];
    const logger: Logger = {
      ...silentLogger,
      child: () => logger,
      warn: (_fields, message) => warnings.push(message),
    };
    const proxy = await startDeafProxy(bus.uri);
    const { notifier, probes } = subject(t, proxy.uri, 500, logger);
    t.after(() => proxy.close());
    await eventually('the first probe', () => probes.length === 1);
    await bus.db.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'notifier-test'",
    );
    await eventually('the second probe', () => probes.length === 2);
    assert.deepEqual(probes, [false, false]);
    assert.equal(notifier.works(), false);
    assert.equal(notifier.presence(), null);
    assert.equal(warnings.filter((message) => message.startsWith('notifications do not arrive')).length, 1);
  });

  it('believes in them when they only come late', async (t) => {
    const proxy = await startDeafProxy(bus.uri);
    const { notifier, probes } = subject(t, proxy.uri, 500);
    t.after(() => proxy.close());
    await eventually('it has given up', () => probes.length === 1);
    assert.equal(notifier.works(), false);
    proxy.catchUp();
    await eventually('they have come', () => notifier.works());
    assert.deepEqual(probes, [false, true]);
  });

  it('sends a hint again whose connection broke under it', async (t) => {
    const proxy = await startDeafProxy(bus.uri);
    const { notifier, probes } = subject(t, proxy.uri, 500);
    t.after(() => proxy.close());
    await eventually('it is connected', () => probes.length === 1);
    const listener = await bus.db.connect();
    t.after(() => listener.end());
    const heard: (string | undefined)[] = [];
    listener.on('notification', ({ payload }) => heard.push(payload));
    await listener.query('LISTEN test');
    proxy.cutNextAt('a-hint');
    notifier.notify(['a-hint']);
    await eventually('it is heard', () => heard.includes('a-hint'));
  });

  it('sends who listens to look by himself as soon as its connection is away', async (t) => {
    const { notifier } = subject(t, bus.uri, 60_000);
    await eventually('they arrive', () => notifier.works());
    const found: boolean[] = [];
    notifier.listen('anything', () => found.push(notifier.works()));
    await bus.db.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'notifier-test'",
    );
    await eventually('they arrive again', () => found.length > 0 && notifier.works());
    assert.equal(found[0], false);
  });

  it('sends who listens to look when another one has connected, which may have lost the hints of its life before', async (t) => {
    const { notifier } = subject(t, bus.uri, 60_000);
    await eventually('they arrive', () => notifier.works());
    let looks = 0;
    notifier.listen('anything', () => {
      looks += 1;
    });
    subject(t, bus.uri, 60_000);
    await eventually('it looks', () => looks > 0);
  });
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import type { Timers } from '../../time/timers.ts';
import { createBudgets } from './budget.ts';
import { connectRedisBudgets } from './redis-budgets.ts';
import { createSharedAdmission, type SharedBudgets } from './shared-budgets.ts';

const RULE = { limit: 5, periodMs: 60_000, waitMs: undefined };

/** Deadlines of their own instead of a wheel. */
const timers: Timers = {
  after: (ms, fire) => {
    const timer = setTimeout(fire, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  nowMs: 0,
  close: () => undefined,
};

describe('admissions from a store', () => {
  const set = (replies: readonly (unknown | Error)[]) => {
    const states: string[] = [];
    let nowMs = 0;
    const left = [...replies];
    const { admit } = createSharedAdmission({
      script: {
        run: async () => {
          const reply = left.shift();
          if (reply instanceof Error) throw reply;
          return reply;
        },
      },
      nowMs: () => nowMs,
      awayMs: 1_000,
      onState: (state, error) => states.push(error === undefined ? state : `${state}: ${error.message}`),
    });
    return { admit: () => admit('k', RULE), states, pass: (ms: number) => (nowMs += ms), left };
  };

  it('are what it says', async () => {
    const { admit, states } = set([[1, 4, 100]]);
    assert.deepEqual(await admit(), { admitted: true, remaining: 4, resetAfterMs: 100 });
    assert.deepEqual(states, []);
  });

  it('stop when it fails, begin again with one request, and are told once', async () => {
    const { admit, states, pass, left } = set([new Error('gone'), new Error('gone'), [0, 0, 100], [1, 4, 1]]);
    assert.equal(await admit(), undefined);
    assert.equal(admit(), undefined);
    pass(1_000);
    const probe = admit();
    assert.equal(admit(), undefined, 'only one finds out');
    assert.equal(await probe, undefined);
    pass(1_000);
    assert.deepEqual(await admit(), { admitted: false, remaining: 0, resetAfterMs: 100 });
    assert.equal((await admit())?.admitted, true);
    assert.equal(left.length, 0);
    assert.deepEqual(states, ['away: gone', 'back']);
  });

  it('are not made of nonsense', async () => {
    const { admit, states } = set(['OK']);
    assert.equal(await admit(), undefined);
    assert.equal(states.length, 1);
  });
});

const hasRedis =
  process.env['REDIS_URL'] !== undefined || spawnSync('redis-server', ['--version']).status === 0;
const skip = hasRedis ? false : 'needs redis-server in the PATH, or REDIS_URL';

describe('budgets in Redis', { skip }, () => {
  let url = process.env['REDIS_URL'] ?? '';
  let server: ChildProcess | undefined;

  async function startRedis(port: number): Promise<ChildProcess> {
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--daemonize',
      'no',
    ];
    const started = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    started.stdout?.on('data', (chunk: Buffer) => (output += chunk));
    await eventually('Redis listens', () => output.includes('Ready to accept connections'));
    return started;
  }

  async function stop(child: ChildProcess | undefined): Promise<void> {
    if (child === undefined || child.exitCode !== null) return;
    const exit = once(child, 'exit');
    child.kill();
    await exit;
  }

  before(async () => {
    if (url !== '') return;
    const port = await freePort();
    server = await startRedis(port);
    url = `redis://127.0.0.1:${port}`;
  });
  after(() => stop(server));

  const connect = (to = url, states: string[] = []) =>
    connectRedisBudgets({
      url: to,
      timers,
      nowMs: () => performance.now(),
      timeoutMs: 2_000,
      awayMs: 20,
      onState: (state) => states.push(state),
    });
  const newKey = () => `flotilla:test:${process.pid}:${Math.random()}`;

  it('are exact over all replicas', async (t) => {
    const replicas = [connect(), connect(), connect()];
    t.after(() => Promise.all(replicas.map((one) => one.close())));
    for (const one of replicas)
      await eventually('connected', async () => (await one.admit(newKey(), RULE)) !== undefined);
    const key = newKey();
    const rule = { ...RULE, limit: 50 };
    const all = await Promise.all(
      Array.from({ length: 300 }, (_, index) => replicas[index % 3]?.admit(key, rule)),
    );
    const admitted = all.filter((one) => one?.admitted);
    assert.equal(all.filter((one) => one === undefined).length, 0);
    assert.equal(admitted.length, 50);
    assert.deepEqual(
      admitted.map((one) => one?.remaining).sort((a = 0, b = 0) => a - b),
      Array.from({ length: 50 }, (_, n) => n),
    );
  });

  const MIN_STEPS = 5;
  const TOLERANCE_MS = 60;

  /**
   * Compares until a period nears its end; how often. Two clocks and a way between them: what took long on that way says
   * nothing, nor does what follows.
   */
  async function agree(shared: SharedBudgets, waitMs: number | undefined): Promise<number> {
    const rule = { limit: 2, periodMs: 400, waitMs };
    const local = createBudgets(rule);
    const key = newKey();
    const startedAt = performance.now();
    for (let step = 0; step < 40; step += 1) {
      const nowMs = performance.now() - startedAt;
      const ours = local.admit('a', nowMs);
      const theirs = await shared.admit(key, rule);
      const isLate = performance.now() - startedAt - nowMs > TOLERANCE_MS / 2;
      const isNearEnd = Math.min(ours.resetAfterMs, theirs?.resetAfterMs ?? 0) < TOLERANCE_MS;
      if (isLate || isNearEnd) return step;
      assert.equal(theirs?.admitted, ours.admitted, `wait ${waitMs}, step ${step}`);
      assert.equal(theirs?.remaining, ours.remaining);
      assert.ok(Math.abs((theirs?.resetAfterMs ?? 0) - ours.resetAfterMs) < TOLERANCE_MS);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return 40;
  }

  it('follow the same rules as those in memory', async (t) => {
    const shared = connect();
    t.after(shared.close);
    await eventually('connected', async () => (await shared.admit(newKey(), RULE)) !== undefined);
    for (const waitMs of [undefined, 150, 700]) {
      let steps = 0;
      for (let round = 0; round < 100 && steps < MIN_STEPS; round += 1) steps = await agree(shared, waitMs);
      assert.ok(steps >= MIN_STEPS, `wait ${waitMs}: compared ${steps} times only`);
    }
  });

  it('are gone from Redis after their period', async (t) => {
    const shared = connect();
    t.after(shared.close);
    const key = newKey();
    const rule = { limit: 1, periodMs: 300, waitMs: undefined };
    await eventually('connected', async () => (await shared.admit(key, rule)) !== undefined);
    const { createClient } = await import('@redis/client');
    const client = createClient({ url });
    await client.connect();
    t.after(() => client.destroy());
    assert.ok((await client.pTTL(key)) <= 300);
    await eventually('the key is gone', async () => (await client.exists(key)) === 0);
    assert.equal((await shared.admit(key, rule))?.admitted, true);
  });

  it('say when Redis is away, and come back with it', async (t) => {
    const port = await freePort();
    const states: string[] = [];
    const shared = connect(`redis://127.0.0.1:${port}`, states);
    t.after(shared.close);
    await eventually(
      'Redis is away',
      async () => (await shared.admit('k', RULE)) === undefined && states.length === 1,
    );
    let own = await startRedis(port);
    t.after(() => stop(own));
    await eventually('Redis is back', async () => (await shared.admit('k', RULE)) !== undefined);
    await stop(own);
    await eventually('Redis is away', async () => (await shared.admit('k', RULE)) === undefined);
    own = await startRedis(port);
    await eventually('Redis is back', async () => (await shared.admit('k', RULE))?.remaining === 4);
    assert.deepEqual(states, ['away', 'back', 'away', 'back']);
  });
});

describe('a Redis that hangs', () => {
  it('is away', async (t) => {
    const sockets: Socket[] = [];
    let commands = 0;
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('data', (bytes) => {
        if (bytes.includes('EVALSHA')) commands += 1;
        else for (const _ of bytes.toString().matchAll(/^\*/gm)) socket.write('+OK\r\n'); // the client introduces itself
      });
      socket.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const states: string[] = [];
    const shared = connectRedisBudgets({
      url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
      timers,
      nowMs: () => performance.now(),
      timeoutMs: 50,
      awayMs: 20,
      onState: (_, error) => states.push(error?.message ?? ''),
    });
    t.after(async () => {
      await shared.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    await eventually('a command got there', async () => {
      assert.equal(await shared.admit('k', RULE), undefined);
      return commands > 0;
    });
    assert.equal(states.length, 1);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

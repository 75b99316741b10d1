import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect } from 'node:http2';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from '@flotilla/kernel/testing';
import { createTestBed, routeTo } from '../../test/gateway.ts';
import type { GatewayProcessOptions } from './run-gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const WORKER = new URL('./worker.ts', import.meta.url);
const SUPERVISOR = new URL('../../test/supervisor.fixture.ts', import.meta.url);

interface Program {
  readonly child: ChildProcess;
  readonly port: number;
  /** What it wrote to both outputs. */
  output(): string;
  readonly ended: Promise<[code: number | null, signal: string | null]>;
}

async function start(
  config: object,
  {
    workers = 0,
    silenceMs = 20_000,
    more = {},
  }: {
    readonly workers?: number;
    readonly silenceMs?: number;
    readonly more?: Partial<GatewayProcessOptions>;
  } = {},
): Promise<Program & { readonly configPath: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  bed.defer(() => rm(folder, { recursive: true }));
  const configPath = join(folder, 'ocelot.json');
  await writeFile(configPath, JSON.stringify(config));
  const port = await freePort();
  const options: GatewayProcessOptions = {
    configPath,
    host: '127.0.0.1',
    port,
    strict: false,
    logLevel: 'info',
    accessLog: 'off',
    ...more,
  };
  const program = fileURLToPath(workers === 0 ? WORKER : SUPERVISOR);
  const child = spawn(
    process.execPath,
    [program, JSON.stringify(options), String(workers), String(silenceMs)],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  if (workers === 0) child.send(options);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output += String(chunk);
    });
  const ended = once(child, 'close') as Promise<[number | null, string | null]>;
  bed.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, port, configPath, output: () => output, ended };
}

/** Nobody else gets it in the moment between: free ports are given out in turn. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number }; // a TCP server that listens
  server.close();
  await once(server, 'close');
  return port;
}

const statusOf = async (port: number, path = '/x') =>
  (await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined))?.status;

describe('a gateway process', () => {
  it('ends with 78 and every problem when its configuration is not valid', async () => {
    const { ended, output } = await start({
      Routes: [{ UpstreamPathTemplate: 'bad', DownstreamPathTemplate: '/x', DownstreamHostAndPorts: [] }],
    });
    assert.deepEqual(await ended, [78, null]);
    assert.match(output(), /^Unable to start the gateway:\n/);
    assert.ok(output().trim().split('\n').length >= 3, output());
  });

  it('answers what is in flight after SIGTERM, takes nothing new, and ends with 0, also when told twice', async () => {
    const go = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const backend = await bed.backend(async (_, response) => {
      arrived.resolve();
      await go.promise;
      response.end('served');
    });
    const { child, port, ended, output } = await start({ Routes: [routeTo(backend, '/x')] });
    await eventually('it serves', () => /"serving"/.test(output()));
    const asked = fetch(`http://127.0.0.1:${port}/x`);
    await arrived.promise;
    child.kill('SIGTERM');
    await eventually('it stops', () => /"stopping"/.test(output()));
    child.kill('SIGTERM');
    child.kill('SIGINT');
    await eventually('nothing new is taken', async () => (await statusOf(port, '/y')) === undefined);
    go.resolve();
    const response = await asked;
    assert.equal(await response.text(), 'served');
    assert.equal(response.headers.get('connection'), 'close');
    assert.deepEqual(await ended, [0, null]);
  });

  it('takes over a changed file, and keeps what it has when the file is not valid', async () => {
    const backend = await bed.backend((_, response) => response.end('ok'));
    const { port, output, configPath } = await start({ Routes: [routeTo(backend, '/x')] });
    await eventually('it serves', () => /"serving"/.test(output()));
    await writeFile(configPath, '{ "Routes": [ {');
    await eventually('it says so', () => /not valid: the one before stays in force/.test(output()));
    assert.equal(await statusOf(port), 200);
    await writeFile(configPath, JSON.stringify({ Routes: [routeTo(backend, '/y')] }));
    await eventually('the new one serves', async () => (await statusOf(port, '/y')) === 200);
    assert.equal(await statusOf(port), 404);
  });
});

describe('a gateway process that stops under load', () => {
  it('answers what was on its way on kept connections, and says that it was the last', async () => {
    const backend = await bed.backend((_, response) => {
      setTimeout(() => response.end('ok'), 5);
    });
    const { child, port, ended, output } = await start({ Routes: [routeTo(backend, '/x')] });
    await eventually('it serves', () => /"serving"/.test(output()));
    const agent = new Agent({ keepAlive: true });
    bed.defer(() => agent.destroy());
    const resets: string[] = [];
    let answered = 0;
    let isOver = false;
    const clients = Array.from({ length: 16 }, async () => {
      while (!isOver) {
        const outcome = await askOnce(port, agent);
        if (outcome === 'answered') answered += 1;
        else if (outcome === 'refused') return;
        else resets.push(outcome);
      }
    });
    await eventually('all are busy', () => answered > 200);
    child.kill('SIGTERM');
    await ended;
    isOver = true;
    await Promise.all(clients);
    assert.deepEqual(resets, []);
  });

  it('waits for a request as long as it is told to', async () => {
    const backend = await bed.backend(() => undefined);
    const { child, port, ended, output } = await start(
      { Routes: [routeTo(backend, '/x')] },
      { more: { drainTimeoutMs: 300 } },
    );
    await eventually('it serves', () => /"serving"/.test(output()));
    const asked = statusOf(port);
    await eventually('it is asked', async () => output() !== '' && (await statusOf(port, '/none')) === 404);
    child.kill('SIGTERM');
    await eventually('it stops', () => /"stopping"/.test(output()));
    const startedAtMs = performance.now();
    assert.deepEqual(await ended, [0, null]);
    assert.equal(await asked, undefined);
    assert.ok(performance.now() - startedAtMs < 7_500, 'by default it waits for 8 s');
  });
});

/** `reset` = the connection had been used before and ended without an answer. */
function askOnce(port: number, agent: Agent): Promise<'answered' | 'refused' | 'reset'> {
  const { promise, resolve } = Promise.withResolvers<'answered' | 'refused' | 'reset'>();
  const asked = request({ host: '127.0.0.1', port, path: '/x', agent }, (response) => {
    response.resume().on('end', () => resolve('answered'));
  });
  // A new connection that found nobody, or came when the port was being closed, was never served.
  asked.on('error', () => resolve(asked.reusedSocket ? 'reset' : 'refused'));
  asked.end();
  return promise;
}

describe('a gateway process in the hands of an operator', () => {
  it('reads its configuration again on SIGHUP, and keeps what it has when it is not valid', async () => {
    const backend = await bed.backend((_, response) => response.end('ok'));
    const global = { ReloadOnChange: false };
    const config = (path: string) => ({ Routes: [routeTo(backend, path)], GlobalConfiguration: global });
    for (const workers of [0, 1]) {
      const { child, port, output, configPath } = await start(config('/x'), { workers });
      await eventually('it serves', async () => (await statusOf(port)) === 200);
      await writeFile(configPath, JSON.stringify(config('/y')));
      child.kill('SIGHUP');
      await eventually('the new one serves', async () => (await statusOf(port, '/y')) === 200);
      await writeFile(configPath, '{');
      child.kill('SIGHUP');
      await eventually('it says so', () => /not valid: the one before stays in force/.test(output()));
      assert.equal(await statusOf(port, '/y'), 200);
    }
  });

  it('tells health and metrics without a token on an address of its own, of all workers together', async () => {
    const backend = await bed.backend((_, response) => response.end('ok'));
    for (const workers of [0, 2]) {
      const health = { host: '127.0.0.1', port: await freePort() };
      const { port } = await start({ Routes: [routeTo(backend, '/x')] }, { workers, more: { health } });
      await eventually('it is ready', async () => (await statusOf(health.port, '/health/ready')) === 200);
      assert.equal(await statusOf(port), 200);
      assert.equal(await statusOf(health.port, '/health/live'), 200);
      assert.equal(await statusOf(health.port, '/config'), 404);
      await eventually('it is counted', async () => {
        const text = await (await fetch(`http://127.0.0.1:${health.port}/metrics`)).text();
        const families = text.match(/^# TYPE http_server_request_duration_seconds /gm)?.length;
        return (
          families === 1 &&
          /^http_server_request_duration_seconds_count\{.*http_route="\/x".*\} 1$/m.test(text)
        );
      });
    }
  });

  it('speaks HTTP/2 in the clear when it is told to', async () => {
    const backend = await bed.backend((_, response) => response.end('ok'));
    const { port, output } = await start(
      { Routes: [routeTo(backend, '/x')] },
      { more: { cleartext: 'h2c' } },
    );
    await eventually('it serves', () => /"serving"/.test(output()));
    const session = connect(`http://127.0.0.1:${port}`);
    const [head] = await once(session.request({ ':path': '/x' }), 'response');
    assert.equal(head[':status'], 200);
    session.destroy();
  });
});

describe('several gateway processes on one port', () => {
  const workersOf = (output: string) => output.match(/"serving"/g)?.length ?? 0;

  it('replace one that crashes while the others serve, and all end after SIGTERM', async () => {
    const backend = await bed.backend((_, response) => response.end(String(process.pid)));
    const { child, port, ended, output } = await start({ Routes: [routeTo(backend, '/x')] }, { workers: 2 });
    await eventually('both serve', () => workersOf(output()) === 2);
    assert.equal(await statusOf(port), 200);
    const [victim] = await workerIds(child.pid);
    assert.ok(victim !== undefined);
    process.kill(victim, 'SIGKILL');
    await eventually('another takes its place', () => workersOf(output()) >= 3);
    assert.match(output(), /a gateway process ended \(SIGKILL\); another one takes its place/);
    assert.equal(await statusOf(port), 200);
    child.kill('SIGTERM');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.equal(await statusOf(port), undefined);
  });

  it('exchange one alone without a loss: new connections wait for the next', async () => {
    const backend = await bed.backend((_, response) => response.end('ok'));
    const { child, port, ended, output } = await start({ Routes: [routeTo(backend, '/x')] }, { workers: 1 });
    await eventually('the port is held', () => /connections to port \d+ wait/.test(output()));
    const [victim] = await workerIds(child.pid); // the oldest: the other one came when it listened
    assert.ok(victim !== undefined);
    process.kill(victim, 'SIGKILL');
    await eventually('it has ended', () => /ended \(SIGKILL\)/.test(output()));
    const statuses = await Promise.all(Array.from({ length: 8 }, () => statusOf(port)));
    assert.deepEqual(new Set(statuses), new Set([200]));
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.equal(await statusOf(port), undefined);
  });

  it('are replaced when they hang', async () => {
    const backend = await bed.backend((_request, response) => response.end('x'));
    const { port, output, child } = await start(
      { Routes: [routeTo(backend, '/x')] },
      { workers: 2, silenceMs: 4_000 },
    );
    await eventually('both serve', () => workersOf(output()) === 2);
    const [victim] = await workerIds(child.pid);
    assert.ok(victim !== undefined);
    process.kill(victim, 'SIGSTOP');
    await eventually('another takes its place', () => workersOf(output()) >= 3);
    assert.match(output(), /a gateway process did not answer for 4 s/);
    assert.equal(await statusOf(port), 200);
  });

  it('do not try again with a configuration that is not valid', async () => {
    const { ended, output } = await start({ Routes: [{ UpstreamPathTemplate: 'bad' }] }, { workers: 2 });
    assert.deepEqual(await ended, [78, null]);
    assert.match(output(), /Unable to start the gateway/);
    assert.doesNotMatch(output(), /takes its place/);
  });
});

/** The oldest first. */
async function workerIds(parent: number | undefined): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)('pgrep', ['-P', String(parent)]);
  return stdout.trim().split('\n').map(Number);
}

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
  { workers = 0, silenceMs = 20_000 } = {},
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
    await eventually('another takes its place', () => workersOf(output()) === 3);
    assert.match(output(), /a gateway process ended \(SIGKILL\); another one takes its place/);
    assert.equal(await statusOf(port), 200);
    child.kill('SIGTERM');
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
    await eventually('another takes its place', () => workersOf(output()) === 3);
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

async function workerIds(parent: number | undefined): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)('pgrep', ['-P', String(parent)]);
  return stdout.trim().split('\n').map(Number);
}

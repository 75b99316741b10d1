import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** The RabbitMQ of the tests. `env` tells them where it is; it is empty where there is none. */
export interface TestBroker {
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const run = promisify(execFile);
const USUAL_PORT = 5_672;
/** Where the packages of Debian and Homebrew put the programs themselves, without the wrappers that want to be root. */
const PROGRAMS = ['/usr/lib/rabbitmq/bin', '/opt/homebrew/opt/rabbitmq/sbin', '/usr/local/opt/rabbitmq/sbin'];
const START_TIMEOUT_MS = 120_000;

/**
 * The broker that runs here already, if we may administrate it; else one of our own in `folder`, if it is installed;
 * else none, and its tests say that they are skipped.
 */
export async function startTestBroker(folder: string): Promise<TestBroker> {
  const stop = async () => undefined;
  if (process.env['FLOTILLA_TEST_RABBITMQ']) return { env: {}, stop };
  if (process.getuid?.() === 0 && (await answers(USUAL_PORT))) {
    return { env: { FLOTILLA_TEST_RABBITMQ: `amqp://guest:guest@127.0.0.1:${USUAL_PORT}` }, stop };
  }
  const programs = PROGRAMS.find((path) => existsSync(join(path, 'rabbitmq-server')));
  if (programs === undefined) return { env: {}, stop };
  return await startBroker(programs, join(folder, 'rabbitmq'));
}

async function startBroker(programs: string, folder: string): Promise<TestBroker> {
  await mkdir(folder);
  const [port, distributionPort, epmdPort] = [await freePort(), await freePort(), await freePort()];
  const own = {
    HOME: folder, // of the cookie that the server and its command line share
    RABBITMQ_NODENAME: `flotilla-test-${process.pid}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: folder,
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_CONFIG_FILE: join(folder, 'none'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    // A name service of its own: the usual one would stay behind.
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  const control = join(folder, 'control.sh');
  const exports = Object.entries(own).map(([name, value]) => `export ${name}='${value}'`);
  const lines = ['#!/bin/sh', ...exports, `exec ${join(programs, 'rabbitmqctl')} "$@"`, ''];
  await writeFile(control, lines.join('\n'), { mode: 0o755 });

  const env = { ...process.env, ...own };
  const server = spawn(join(programs, 'rabbitmq-server'), { env, stdio: 'ignore', detached: true });
  const ended = once(server, 'exit');
  const stop = async () => {
    if (server.exitCode === null) {
      await run(control, ['shutdown', '--timeout', '20']).catch(() => server.kill('SIGTERM'));
      await ended;
    }
    await run('epmd', ['-kill'], { env }).catch(() => undefined);
  };
  for (const end = performance.now() + START_TIMEOUT_MS; !(await answers(port)); await delay(100)) {
    if (server.exitCode === null && performance.now() < end) continue;
    await stop();
    throw new Error(`RabbitMQ did not start, see ${folder}`);
  }
  return {
    env: {
      FLOTILLA_TEST_RABBITMQ: `amqp://guest:guest@127.0.0.1:${port}`,
      FLOTILLA_TEST_RABBITMQCTL: control,
    },
    stop,
  };
}

/** A broker that still starts listens last, so that it can be used as soon as it answers. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isOpen = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return isOpen;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

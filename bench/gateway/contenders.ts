import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Something that stands between the load and the back end. */
export interface Contender {
  readonly name: string;
  readonly ours: boolean;
  /** `undefined` = it is not installed here. */
  start(backendPort: number): Promise<RunningGateway | undefined>;
}

export interface RunningGateway {
  readonly port: number;
  readonly pid: number;
  /** The folder of its files. */
  readonly folder: string;
  stop(): Promise<void>;
}

export interface PeerSettings {
  readonly kind: 'fast-gateway' | '@fastify/http-proxy' | 'http-proxy';
  readonly port: number;
  readonly target: string;
}

const FLOTILLA = join(import.meta.dirname, '../../platform/cli/src/main.ts');
const PEER = join(import.meta.dirname, '../peers/gateway.ts');

/** The gateway as its users start it, with this configuration. */
export function flotilla(
  name: string,
  configFor: (backendPort: number) => object,
  env: NodeJS.ProcessEnv = {},
): Contender {
  return {
    name,
    ours: true,
    start: (backendPort) =>
      launch(async (folder, port) => {
        const file = join(folder, 'ocelot.json');
        await writeFile(file, JSON.stringify(configFor(backendPort)));
        const args = ['gateway', '--config', file, '--port', String(port), '--workers', '0'];
        return [process.execPath, [FLOTILLA, ...args], { ...process.env, ...env }] as const;
      }),
  };
}

export function peer(kind: PeerSettings['kind']): Contender {
  return {
    name: kind,
    ours: false,
    start: (backendPort) =>
      launch(async (_folder, port) => {
        const settings: PeerSettings = { kind, port, target: `http://127.0.0.1:${backendPort}` };
        return [process.execPath, [PEER, JSON.stringify(settings)], process.env] as const;
      }),
  };
}

export const nginx: Contender = {
  name: 'nginx',
  ours: false,
  start: (backendPort) =>
    installed('nginx')
      ? launch(async (folder, port) => {
          const file = join(folder, 'nginx.conf');
          await writeFile(file, nginxConfig(folder, port, backendPort));
          return ['nginx', ['-c', file, '-g', 'daemon off;'], process.env] as const;
        })
      : Promise.resolve(undefined),
};

export const haproxy: Contender = {
  name: 'HAProxy',
  ours: false,
  start: (backendPort) =>
    installed('haproxy')
      ? launch(async (folder, port) => {
          const file = join(folder, 'haproxy.cfg');
          await writeFile(file, haproxyConfig(port, backendPort));
          return ['haproxy', ['-db', '-f', file], process.env] as const;
        })
      : Promise.resolve(undefined),
};

function installed(command: string): boolean {
  return spawnSync(command, ['-v']).error === undefined;
}

/** On one core of its own where the machine lets us choose: what a gateway costs is then one core's time. */
async function launch(
  prepare: (folder: string, port: number) => Promise<readonly [string, readonly string[], NodeJS.ProcessEnv]>,
): Promise<RunningGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-bench-'));
  const port = await freePort();
  const [command, args, env] = await prepare(folder, port);
  const pinned = installed('taskset')
    ? (['taskset', ['-c', '0', command, ...args]] as const)
    : ([command, args] as const);
  const child = spawn(pinned[0], [...pinned[1]], { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await listening(child, port);
  return {
    port,
    folder,
    pid: child.pid ?? 0,
    stop: async () => {
      const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number }; // a TCP server that listens always has one
  server.close();
  await once(server, 'close');
  return port;
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null)
      throw new Error(`a gateway ended before it listened: ${child.spawnargs.join(' ')}`);
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on ${port}: ${child.spawnargs.join(' ')}`);
}

function nginxConfig(folder: string, port: number, backendPort: number): string {
  return `worker_processes 1; pid ${folder}/pid; error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location /api/ {
      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`;
}

function haproxyConfig(port: number, backendPort: number): string {
  return `global
  nbthread 1
  maxconn 2000
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  option forwardfor
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  default_backend back
backend back
  server one 127.0.0.1:${backendPort}
`;
}

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverAccount } from '../embedded/account.ts';
import { databaseUri } from '../provision.ts';

export interface TestPooler {
  /** Of a database of the test server, through the pooler. */
  uri(database: string): string;
  close(): Promise<void>;
}

/** Is PgBouncer installed? */
export function hasPooler(): boolean {
  return spawnSync('pgbouncer', ['--version']).status === 0;
}

/** PgBouncer in transaction mode before the server of the tests, with fewer sessions than the tests have connections. */
export async function startTestPooler(adminUri: string): Promise<TestPooler> {
  const { hostname, port, username, password } = new URL(adminUri);
  const folder = await mkdtemp(join(tmpdir(), 'pooler-'));
  await chmod(folder, 0o755); // it refuses to run as root
  const file = join(folder, 'pgbouncer.ini');
  const listenPort = await freePort();
  const target = `host=${hostname} port=${port || '5432'} user=${username} password=${decodeURIComponent(password)}`;
  await writeFile(
    file,
    `[databases]
* = ${target}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 6
max_client_conn = 200
`,
  );
  const child = spawn('pgbouncer', ['-q', file], { ...(await serverAccount()), cwd: '/', stdio: 'ignore' });
  const exited = once(child, 'exit');
  await answers(listenPort, () => child.exitCode !== null);
  const uri = new URL(adminUri);
  uri.hostname = '127.0.0.1';
  uri.port = String(listenPort);
  uri.search = '';
  return {
    uri: (database) => databaseUri(uri.href, database),
    close: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function answers(port: number, hasEnded: () => boolean): Promise<void> {
  for (;;) {
    if (hasEnded()) throw new Error('pgbouncer has ended');
    const socket = connect(port, '127.0.0.1');
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isOpen) return;
    await sleep(20);
  }
}

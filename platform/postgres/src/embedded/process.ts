import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { environment } from './cluster.ts';

/**
 * Runs the server below a small shell that holds a pipe of ours. When our process ends, however it ends, the
 * pipe closes and the shell shuts the server down: SIGKILL of the supervisor leaves nothing behind. The shell
 * exits with the server; a second one does the waiting on the pipe.
 */
const GUARDIAN = `
LD_LIBRARY_PATH="$1"; DYLD_LIBRARY_PATH="$1"; export LD_LIBRARY_PATH DYLD_LIBRARY_PATH; shift
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
( read -r _ <&3; kill -INT "$server" ) &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
`;

/** Durability is never traded: fsync, synchronous_commit and full_page_writes keep their defaults (on). */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  max_connections: '200',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  // Short statements on small data: compiling plans and extra I/O processes only cost.
  jit: 'off',
  io_method: 'sync',
  log_timezone: 'UTC',
  timezone: 'UTC',
};

export interface ServerProcess {
  /** Settles when the server or its guardian has ended. */
  readonly ended: Promise<void>;
  readonly hasEnded: () => boolean;
  /** Lets go of the pipe: whatever still runs shuts down. */
  readonly release: () => void;
}

export async function spawnServer(options: {
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly dataDir: string;
  readonly port: number;
  readonly logFile: string;
  readonly settings: Readonly<Record<string, string>>;
}): Promise<ServerProcess> {
  const { binaries, account, dataDir, port } = options;
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) });
  const command = [
    binaries.postgres,
    '-D',
    dataDir,
    ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  await using log = await open(options.logFile, 'a', 0o600);
  const guardian = spawn('/bin/sh', ['-c', GUARDIAN, 'flotilla-postgres', binaries.libraryPath, ...command], {
    ...account,
    cwd: '/',
    env: environment(binaries),
    stdio: ['pipe', log.fd, log.fd],
    // Its own group: Ctrl-C in the terminal must not stop the server before the services have drained.
    detached: true,
  });
  return watch(guardian);
}

function watch(guardian: ChildProcess): ServerProcess {
  let over = false;
  const ended = once(guardian, 'exit').then(() => {
    over = true;
  });
  // A closed pipe is how the guardian's end looks from here; `exit` reports it.
  guardian.stdin?.on('error', () => guardian.stdin?.destroy());
  return { ended, hasEnded: () => over, release: () => guardian.stdin?.destroy() };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

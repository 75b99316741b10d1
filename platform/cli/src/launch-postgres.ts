import { rename, stat } from 'node:fs/promises';
import { isPlatformError } from '@flotilla/kernel';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@flotilla/postgres';
import { findFreePort } from './ports.ts';
import type { Ending, Launched } from './unit.ts';

export interface EmbeddedServer {
  /** Starts it, on the same port every time, so that the services find it again after a crash. */
  launch(): Promise<Launched>;
  /** Of the superuser; known once it was started. */
  adminUri(): string;
}

const LARGEST_LOG_BYTES = 10 * 1_048_576;
const HOPELESS: readonly string[] = ['POSTGRES_NO_BINARY', 'POSTGRES_DATA_DIR_VERSION'];

export function createEmbeddedServer(options: {
  readonly dataDir: string;
  readonly logFile: string;
}): EmbeddedServer {
  let port: number | undefined;
  let adminUri = '';
  return {
    adminUri: () => adminUri,
    launch: async () => {
      const ended = Promise.withResolvers<Ending>();
      try {
        port ??= await findFreePort();
        await rotate(options.logFile);
        const server = await startEmbeddedPostgres({
          ...options,
          ...(port !== undefined && { port }),
          onExit: () => ended.resolve({ how: 'the server ended', hopeless: false }),
        });
        adminUri = server.adminUri;
        return handle(server, ended);
      } catch (error) {
        if (!isPlatformError(error) || !HOPELESS.includes(error.code)) throw error;
        ended.resolve({ how: error.message, hopeless: true });
        return { ...NEVER_STARTED, ended: ended.promise };
      }
    },
  };
}

/** The server holds its log open while it runs, so this is the moment. */
async function rotate(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    (file) => file.size,
    () => 0,
  );
  if (size > LARGEST_LOG_BYTES) await rename(logFile, `${logFile}.1`);
}

function handle(server: EmbeddedPostgres, ended: PromiseWithResolvers<Ending>): Launched {
  return {
    pid: server.pid,
    ready: Promise.resolve({}),
    ended: ended.promise,
    stop: () => {
      server.stop().then(() => ended.resolve({ how: 'stopped', hopeless: false }), ended.reject);
    },
    kill: server.kill,
  };
}

const NEVER_STARTED = {
  pid: undefined,
  ready: new Promise<never>(() => undefined),
  stop: () => undefined,
  kill: () => undefined,
};

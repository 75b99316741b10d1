import { isPlatformError } from '@flotilla/kernel';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@flotilla/postgres/embedded';
import type { Ending, Launched } from '../processes/supervised-process.ts';
import { findFreePort } from './ports.ts';

export interface EmbeddedServer {
  /** Starts it, on the same port every time, so that the services find it again after a crash. */
  launch(): Promise<Launched>;
  /** Of the superuser; known once it was started. */
  adminUri(): string;
}

const HOPELESS: readonly string[] = [
  'POSTGRES_NO_BINARY',
  'POSTGRES_DATA_DIR_VERSION',
  'POSTGRES_DATA_DIR_UNUSABLE',
];

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

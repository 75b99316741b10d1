import type { ChildProcess } from 'node:child_process';
import { extname } from 'node:path';

/** Behind the standard streams and the channel to the supervisor. */
export const SETTINGS_FD = 4;

/** Beside this file, whatever it has become. */
const RECEIVER = new URL(`./receiver/main${extname(import.meta.filename)}`, import.meta.url).href;

export interface StartedWith {
  /** Of Node itself, ahead of the program. */
  readonly nodeArguments: readonly string[];
  /** What it is started with: everybody with the rights of its user can read that, as long as it runs. */
  readonly env: Readonly<Record<string, string>>;
  /** Gives it the rest. */
  readonly send: (child: ChildProcess) => void;
}

/**
 * Passwords and keys are no part of the environment that a process is started with: other processes can look at that, and
 * crash reports show it. They go through a pipe, and the program finds them where it would. What Node, the C library and the
 * operating system read stays where they read it.
 */
export function startWith(env: Readonly<Record<string, string>>): StartedWith {
  const entries = Object.entries(env);
  const settings = Object.fromEntries(entries.filter(([name]) => !isReadAtStart(name)));
  return {
    nodeArguments: ['--import', RECEIVER],
    env: Object.fromEntries(entries.filter(([name]) => isReadAtStart(name))),
    send: (child) => {
      const pipe = child.stdio[SETTINGS_FD];
      if (pipe === null || pipe === undefined || !('end' in pipe)) return; // it could not be started
      pipe.on('error', () => undefined); // it has ended already, which is told elsewhere
      pipe.end(JSON.stringify(settings));
    },
  };
}

const READ_AT_START =
  /^(PATH|HOME|TMPDIR|TZ|LANG|LC_\w+|NODE_\w+|UV_\w+|GLIBC_TUNABLES|MALLOC_\w+|SSL_CERT_(FILE|DIR)|SERVICE_NAME|INSTANCE_ID)$/;

function isReadAtStart(name: string): boolean {
  return READ_AT_START.test(name);
}

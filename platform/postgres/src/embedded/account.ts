import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';

/** The user the server runs as; `undefined` where it is simply ours. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const NOBODY: Account = { uid: 65534, gid: 65534 };

/** PostgreSQL refuses to run as root: root runs it as `postgres` where that user exists, else as `nobody`. */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  return parseAccount(await readFile('/etc/passwd', 'utf8'));
}

export function parseAccount(passwd: string): Account {
  const line = /^_?postgres:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd);
  return line ? { uid: Number(line[1]), gid: Number(line[2]) } : NOBODY;
}

/** Can this user pass through every folder above `path` and use it? Asked of the kernel, so ACLs count. */
export async function canReach(account: Account, path: string): Promise<boolean> {
  const probe = spawn('/bin/sh', ['-c', 'test -r "$1" && test -x "$1"', 'sh', path], {
    ...account,
    cwd: '/',
    stdio: 'ignore',
  });
  const [code] = await once(probe, 'exit');
  return code === 0;
}

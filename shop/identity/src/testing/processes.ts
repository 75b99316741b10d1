import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { childEnvironment } from '@flotilla/kernel/testing';

export interface Started {
  readonly child: ChildProcess;
  readonly url: string;
}

/** The real process on these databases, with a service client `order`. */
export function createProcesses({
  databaseUri,
  busUri,
}: {
  readonly databaseUri: string;
  readonly busUri: string;
}) {
  const children: ChildProcess[] = [];
  const keyEncryptionKey = randomBytes(32).toString('base64');
  const secretSha256 = createHash('sha256').update('secret').digest('hex');

  async function ended(child: ChildProcess): Promise<NodeJS.Signals | number | null> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.signalCode ?? child.exitCode;
  }

  return {
    ended,
    /** `mayDie`: at the crash point, perhaps before it is ready; its `url` is empty then. */
    start: async (
      crashPoint = '',
      {
        env = {},
        mayDie = false,
      }: { readonly env?: Readonly<Record<string, string>>; readonly mayDie?: boolean } = {},
    ): Promise<Started> => {
      const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts')], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env: {
          ...childEnvironment(),
          DATABASE_URL: databaseUri,
          BUS_URL: busUri,
          ISSUER: 'http://127.0.0.1:8080/identity',
          SERVICE_CLIENTS: JSON.stringify({ order: { secretSha256, scopes: ['inventory.read'] } }),
          KEY_ENCRYPTION_KEY: keyEncryptionKey,
          FLOTILLA_CRASH_POINT: crashPoint,
          LOG_LEVEL: 'error',
          ...env,
        },
      });
      children.push(child);
      const [ready] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
      const isReady = ready !== null && typeof ready === 'object';
      assert.ok(isReady || mayDie, `it ended before it was ready: ${ready}`);
      return { child, url: isReady ? (ready as { url: string }).url : '' };
    },
    stop: async (): Promise<void> => {
      for (const child of children.splice(0)) {
        child.kill('SIGTERM');
        await ended(child);
      }
    },
  };
}

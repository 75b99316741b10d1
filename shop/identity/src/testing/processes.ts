import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { childEnvironment } from '@flotilla/kernel/testing';
import { busMigrations, outboxMigrations } from '@flotilla/messaging';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { identityMigrations } from '../testing.ts';

export interface Started {
  readonly child: ChildProcess;
  readonly url: string;
}

export type Processes = Awaited<ReturnType<typeof createProcesses>>;

/** Databases for identity and the bus, and the real process on them, with a service client `order`. */
export async function createProcesses() {
  const database = await createTestDatabase([...identityMigrations, outboxMigrations]);
  const bus = await createTestDatabase([busMigrations]);
  const children: ChildProcess[] = [];
  const keyEncryptionKey = randomBytes(32).toString('base64');
  const secretSha256 = createHash('sha256').update('secret').digest('hex');

  async function ended(child: ChildProcess): Promise<NodeJS.Signals | number | null> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.signalCode ?? child.exitCode;
  }

  return {
    database,
    bus,
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
          DATABASE_URL: database.uri,
          BUS_URL: bus.uri,
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
    close: async (): Promise<void> => {
      await bus.close();
      await database.close();
    },
  };
}

import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { armCrashPoint } from '@flotilla/kernel';
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createConsumer } from './consumer.ts';
import { on } from './handler.ts';
import { createPostgresTransport } from './postgres-transport.ts';
import { createRelay } from './relay.ts';
import { counted, type TestSystem } from './test-system.ts';

/**
 * A service process for tests that kill processes: a relay, a consumer, or both, until it is killed. Its handler
 * records the effect; a message of the key `killer` ends the process instead.
 */
export interface TestProcess {
  /** Resolves with the signal that ended it. */
  readonly exited: Promise<unknown>;
  kill(): Promise<void>;
}

export interface TestProcessOptions {
  readonly parts: readonly ('relay' | 'consumer')[];
  /** `name` or `name:n`, see `armCrashPoint`. */
  readonly crashPoint?: string;
}

export async function startTestProcess(
  test: TestContext,
  system: TestSystem,
  { parts, crashPoint = '' }: TestProcessOptions,
): Promise<TestProcess> {
  const child = fork(import.meta.filename, parts, {
    env: { SERVICE_URI: system.service.uri, BUS_URI: system.bus.uri, CRASH_POINT: crashPoint },
  });
  const exited = once(child, 'exit').then(([, signal]) => signal);
  test.after(() => child.kill('SIGKILL'));
  await Promise.race([once(child, 'message'), exited]);
  return {
    exited,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function run(parts: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const die = () => process.kill(process.pid, 'SIGKILL');
  armCrashPoint(env['CRASH_POINT'] ?? '', die);
  const base = { logger: silentLogger, metrics: createMetrics() };
  const quick = { pollIntervalMs: 50, leaseMs: 600 };
  const db = createDatabase({ uri: env['SERVICE_URI'] ?? '', applicationName: 'test-process' });
  const transport = createPostgresTransport({ uri: env['BUS_URI'] ?? '', ...base, ...quick });
  const recordEffect = on(counted, async ({ data }, tx) => {
    if (data.key === 'killer') die();
    await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
  });
  if (parts.includes('consumer')) {
    await createConsumer({ name: 'test', db, transport, handlers: [recordEffect], ...base }).start();
  }
  if (parts.includes('relay')) createRelay({ db, transport, ...base, ...quick }).start();
  process.send?.('ready');
  process.on('disconnect', () => process.exit(0));
}

if (import.meta.main) await run(process.argv.slice(2), process.env);

import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { armCrashPoint, PlatformError } from '@flotilla/kernel';
import { childEnvironment, eventually } from '@flotilla/kernel/testing';
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createPostgresTransport } from '../src/bus/postgres-transport.ts';
import { createQueues } from '../src/bus/queues.ts';
import { createConsumer } from '../src/inbox/consumer.ts';
import { createDeadLetters } from '../src/inbox/dead-letters.ts';
import { on } from '../src/inbox/handler.ts';
import { createParkedMessages } from '../src/outbox/parked-messages.ts';
import { createRelay } from '../src/outbox/relay.ts';
import { createRabbitmqTransport } from '../src/rabbitmq/rabbitmq-transport.ts';
import { counted, type TestSystem } from './system.ts';

/**
 * A service process for tests that kill processes: a relay, a consumer, or both, until it is killed. Its handler
 * records the effect. Some keys are special: `killer` ends the process instead, the first message of `once` fails at
 * its first attempt, that of `doomed` always. The other parts are operators, who act on everything there is.
 */
export interface TestProcess {
  /** Resolves with the signal that ended it. */
  readonly exited: Promise<unknown>;
  /** Resolves when it stands still at its crash point. */
  readonly stands: Promise<unknown>;
  /** It goes on from there. */
  goOn(): void;
  kill(): Promise<void>;
}

export type Part =
  | 'relay'
  | 'consumer'
  | 'redrive'
  | 'discard'
  | 'retry-parked'
  | 'discard-parked'
  | 'drop-queue';

export interface TestProcessOptions {
  readonly parts: readonly Part[];
  /** `name` or `name:n`, see `armCrashPoint`. */
  readonly crashPoint?: string;
  /** It is not killed there, but stands still, as a starved or paused process does. */
  readonly standsStill?: boolean;
}

export async function startTestProcess(
  test: TestContext,
  system: TestSystem,
  { parts, crashPoint = '', standsStill = false }: TestProcessOptions,
): Promise<TestProcess> {
  const child = fork(import.meta.filename, parts, {
    env: {
      ...childEnvironment(),
      SERVICE_URI: system.service.uri,
      BUS_URI: system.bus.uri,
      CRASH_POINT: crashPoint,
      STANDS_STILL: String(standsStill),
    },
  });
  const said = (word: string) =>
    new Promise<void>((resolve) => child.on('message', (message) => message === word && resolve()));
  // It says so a moment before.
  const stands = said('standing').then(() => eventually('it is stopped', () => isStopped(child.pid)));
  const ready = said('ready');
  const exited = once(child, 'exit').then(([, signal]) => signal);
  test.after(() => child.kill('SIGKILL'));
  await Promise.race([ready, stands, exited]);
  return {
    ...{ exited, stands },
    goOn: () => child.kill('SIGCONT'),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function isStopped(pid: number | undefined): Promise<boolean> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]);
  return stdout.trim().startsWith('T');
}

/** The same in this process, for what takes over from one that was killed or stands still. */
export async function startSuccessor(
  system: TestSystem,
  parts: readonly Part[],
): Promise<{ close(): Promise<void> }> {
  return await startParts(parts, { service: system.service.uri, bus: system.bus.uri });
}

const die = (): true => process.kill(process.pid, 'SIGKILL');

async function startParts(
  parts: readonly string[],
  uris: { readonly service: string; readonly bus: string },
): Promise<{ close(): Promise<void> }> {
  const started: { close(): Promise<void> }[] = [];
  const base = { logger: silentLogger, metrics: createMetrics() };
  const quick = { pollIntervalMs: 50, leaseMs: 600 };
  const db = createDatabase({
    uri: uris.service,
    applicationName: 'test-process',
    acquireTimeoutMs: 30_000,
  });
  const uri = uris.bus;
  const transport = uri.startsWith('amqp:')
    ? createRabbitmqTransport({ url: uri, ...base, balanceIntervalMs: 200 })
    : createPostgresTransport({ uri, ...base, ...quick });
  started.push(db, transport);
  const recordEffect = on(counted, async ({ data }, tx) => {
    if (data.key === 'killer') die();
    if (data.key === 'doomed' && data.n === 0)
      throw new PlatformError('DOOMED', 'never', { retryable: false });
    if (data.key === 'once' && data.n === 0) {
      const failed = await tx.query("SELECT 1 FROM inbox_held WHERE key = 'once' AND failures > 0");
      if (failed.length === 0) throw new Error('not now');
    }
    await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
  });
  if (parts.includes('consumer')) {
    const handlers = [recordEffect];
    const consumer = createConsumer({
      name: 'test',
      db,
      transport,
      handlers,
      ...base,
      heldPollIntervalMs: 50,
      unknownTypeWaitMs: 0,
    });
    started.push(consumer);
    // A service would be started again; on a busy machine the first connection may take too long.
    await eventually('it starts', () => consumer.start().then(() => true));
  }
  if (parts.includes('relay')) {
    const relay = createRelay({ db, transport, ...base, ...quick, maxAttempts: 2 });
    started.push(relay);
    relay.start();
  }
  const how = { by: 'operator', reason: 'a test' };
  if (parts.includes('redrive')) await createDeadLetters(db).redrive({}, how);
  if (parts.includes('discard')) await createDeadLetters(db).discard({}, how);
  if (parts.includes('retry-parked')) await createParkedMessages(db).retry({}, how);
  if (parts.includes('discard-parked')) await createParkedMessages(db).discard({}, how);
  if (parts.includes('drop-queue')) {
    const bus = createDatabase({ uri, applicationName: 'test-process', acquireTimeoutMs: 30_000 });
    started.push(bus);
    await createQueues(bus).drop('test', how);
  }
  return {
    close: async () => {
      for (const one of started.reverse()) await one.close();
    },
  };
}

async function run(parts: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const standStill = () => {
    process.send?.('standing');
    process.kill(process.pid, 'SIGSTOP');
  };
  armCrashPoint(env['CRASH_POINT'] ?? '', env['STANDS_STILL'] === 'true' ? standStill : die);
  await startParts(parts, { service: env['SERVICE_URI'] ?? '', bus: env['BUS_URI'] ?? '' });
  process.send?.('ready');
  process.on('disconnect', () => process.exit(0));
}

if (import.meta.main) await run(process.argv.slice(2), process.env);

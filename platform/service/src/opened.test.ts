import { it, type TestContext } from 'node:test';
import { systemClock, uuidv7 } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { busMigrations, createTransport, defineMessage, type Transport } from '@flotilla/messaging';
import { createTestMessage } from '@flotilla/messaging/testing';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { type Environment, readEnvironment } from '@flotilla/process';
import { createMetrics, type Metrics, silentLogger } from '@flotilla/telemetry';
import { BUS_SETTINGS, openBus } from './open-bus.ts';
import { DATABASE_SETTINGS, openDatabase } from './open-database.ts';
import type { ServiceContext } from './service.ts';

const noted = defineMessage({
  type: 'test.noted.v1',
  description: 'Something, for tests.',
  key: () => 'k',
  schema: s.object({}),
});

it('a bus that was opened warns of a queue at the limits of its environment', async (t) => {
  const bus = await createTestDatabase([busMigrations]);
  const { opened, metrics, serviceWith } = createService(t);
  opened.push(bus.close);
  const transport = await createTransport({ name: 'other', busUrl: bus.uri, logger: silentLogger, metrics });
  opened.push(() => transport.close());
  await transport.subscribe('idle', [noted.type]);
  await transport.publish([createTestMessage(noted, {}), createTestMessage(noted, {})]);

  for (const [limit, neglected] of [
    ['2', 1],
    ['3', 0],
  ] as const) {
    const own = createMetrics();
    const published: Promise<unknown>[] = [];
    const revocations = {
      isCaughtUp: () => true,
      follow: (used: Transport) => {
        published.push(used.publish([]));
        return { close: async () => undefined };
      },
    };
    const service = serviceWith({ BUS_URL: bus.uri, QUEUE_WARN_MESSAGES: limit }, own, { revocations });
    await openBus(service, bus.db);
    await Promise.all(published);
    await eventually('the queue is shown', () =>
      own.render().includes(`messaging_queue_neglected{queue="idle"} ${neglected}`),
    );
  }
});

it('a database that was opened tells of an idle connection that breaks, and goes on with another', async (t) => {
  const { db: admin, uri, close } = await createTestDatabase();
  const { opened, metrics, serviceWith } = createService(t);
  opened.push(close);
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_: object, text: string) => void warnings.push(text) };
  const db = openDatabase(serviceWith({ DATABASE_URL: uri }, metrics, { logger }));
  const [session] = await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await admin.query('SELECT pg_terminate_backend($1)', [session?.pid ?? 0]);
  await eventually('it is told', () => warnings.includes('an idle database connection broke'));
  await db.query('SELECT 1');
});

/** What `openBus` and `openDatabase` use of a service; what they open is closed after the test. */
function createService(t: TestContext) {
  const opened: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const close of opened.reverse()) await close();
  });
  type Config = ReturnType<typeof readEnvironment<typeof BUS_SETTINGS & typeof DATABASE_SETTINGS>>;
  const serviceWith = (env: Environment, metrics: Metrics, more: object) =>
    ({
      ...{ name: 'sample', logger: silentLogger, metrics, clock: systemClock, newId: uuidv7 },
      config: readEnvironment(
        { BUS_URL: '-', DATABASE_URL: '-', ...env },
        { ...BUS_SETTINGS, ...DATABASE_SETTINGS },
      ),
      env: { instanceId: 'sample-1' },
      defer: (_what: string, close: () => Promise<void>) => void opened.push(close),
      readyWhen: () => undefined,
      ...more,
    }) as unknown as ServiceContext<Config>;
  return { opened, metrics: createMetrics(), serviceWith };
}

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authenticated } from '@flotilla/auth';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createRoundRobin, createStaticResolver } from '@flotilla/discovery';
import { createHttpHost, defineRoute, handle, ok, type ReadinessCheck } from '@flotilla/http';
import { systemClock, uuidv7 } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { busMigrations, defineMessage, inboxMigrations, on, outboxMigrations } from '@flotilla/messaging';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createDisposal, readServiceEnvironment } from '@flotilla/process';
import { createEdges } from '@flotilla/resilience';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { openBus } from './open-bus.ts';
import { openClient } from './open-client.ts';
import { openDatabase } from './open-database.ts';
import type { ServiceContext } from './service.ts';

const greeted = defineMessage({
  type: 'greeter.greeted.v1',
  description: 'Somebody was greeted.',
  key: ({ name }) => name,
  schema: s.object({ name: s.string() }),
});
const guarded = defineRoute({
  method: 'GET',
  path: '/guarded',
  summary: 'Who calls',
  access: authenticated,
  responses: { 200: s.object({ caller: s.string() }) },
});

describe('what a service opens', () => {
  const issuer = createTestIssuer();
  let own: TestDatabase;
  let bus: TestDatabase;
  before(async () => {
    own = await createTestDatabase([inboxMigrations, outboxMigrations]);
    bus = await createTestDatabase([busMigrations]);
  });
  after(async () => {
    await own.close();
    await bus.close();
  });

  /** As a service gets it; `disposed` is what was closed, in that order. */
  function startService(addresses: Readonly<Record<string, readonly string[]>> = {}) {
    const disposal = createDisposal(silentLogger);
    const checks = new Map<string, ReadinessCheck>();
    const disposed: string[] = [];
    const metrics = createMetrics();
    const service: ServiceContext<{ DATABASE_URL: string; BUS_URL: string; RABBITMQ_URL: undefined }> = {
      name: 'greeter',
      config: { DATABASE_URL: own.uri, BUS_URL: bus.uri, RABBITMQ_URL: undefined },
      env: readServiceEnvironment({ INSTANCE_ID: 'greeter-7' }, 'greeter'),
      logger: silentLogger,
      metrics,
      edges: createEdges({ caller: 'greeter', logger: silentLogger, metrics }),
      clock: systemClock,
      newId: uuidv7,
      verifyToken: issuer.verify,
      pick: createRoundRobin(createStaticResolver(addresses)).pick,
      tokens: (scope) => () => issuer.sign({ sub: 'greeter', scope }),
      signal: new AbortController().signal,
      background: () => undefined,
      every: () => undefined,
      readyWhen: (name, check) => void checks.set(name, check),
      defer: (name, dispose) =>
        disposal.defer(name, async () => {
          await dispose();
          disposed.push(name);
        }),
    };
    return { service, checks, disposed, dispose: disposal.dispose };
  }

  it('carries messages from its outbox to a consumer of its name, and is closed in reverse order', async () => {
    const { service, disposed, dispose } = startService();
    const db = openDatabase(service);
    const messages = await openBus(service, db);
    const outbox = messages.openOutbox();
    const heard: string[] = [];
    await messages.consume([on(greeted, async ({ data }) => void heard.push(data.name))]);
    await db.transaction((tx) => outbox.publish(tx, greeted, { name: 'Ada' }));
    await eventually('it is heard', () => heard.length === 1);
    const [sent] = await own.db.query<{ consumer: string }>('SELECT consumer FROM inbox');
    assert.equal(sent?.consumer, 'greeter');
    await dispose();
    assert.deepEqual(disposed, ['consumer', 'outbox relay', 'message transport', 'database']);
  });

  it('shows its instance in the sessions of both databases, and is ready while its own one answers', async () => {
    const { service, checks, dispose } = startService();
    const db = openDatabase(service, { maxConnections: 1 });
    await (await openBus(service, db)).consume([on(greeted, async () => undefined)]);
    await checks.get('database')?.();
    for (const { db: observer } of [own, bus])
      await eventually('a session shows it', async () => {
        const sessions = await observer.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'greeter-7'`,
        );
        return sessions.length > 0;
      });
    await dispose();
    await assert.rejects(async () => checks.get('database')?.());
  });

  it('calls others with tokens of its own, with a key that it was given, or with neither', async () => {
    const host = createHttpHost({
      service: 'other',
      handlers: [handle(guarded, async ({ principal }) => ok({ caller: principal.subject }))],
      verifyToken: async (token) =>
        token === 'an-api-key'
          ? { ...(await issuer.verify(await issuer.sign())), subject: 'whoever has the key' }
          : await issuer.verify(token),
      logger: silentLogger,
      metrics: createMetrics(),
      readiness: {},
    });
    const { port } = await host.listen();
    const { service, dispose } = startService({ other: [`127.0.0.1:${port}`] });
    const callerOf = async (options?: Parameters<typeof openClient>[2], input = {}) =>
      (await openClient(service, 'other', options).call(guarded, input)).body.caller;
    assert.equal(await callerOf({ scope: 'others.read' }), 'greeter');
    assert.equal(await callerOf({ apiKey: 'an-api-key' }), 'whoever has the key');
    assert.equal(await callerOf({}, { token: await issuer.sign({ sub: 'alice' }) }), 'alice');
    await assert.rejects(callerOf(), { code: 'HTTP_UNEXPECTED_STATUS' });
    await dispose();
    await host.close();
  });
});

import { it } from 'node:test';
import { systemClock, uuidv7 } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { busMigrations, createTransport, defineMessage, type Transport } from '@flotilla/messaging';
import { createTestMessage } from '@flotilla/messaging/testing';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { readEnvironment } from '@flotilla/process';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { BUS_SETTINGS, openBus } from './open-bus.ts';
import type { ServiceContext } from './service.ts';

const noted = defineMessage({
  type: 'test.noted.v1',
  description: 'Something, for tests.',
  key: () => 'k',
  schema: s.object({}),
});

it('a bus that was opened warns of a queue at the limits of its environment', async (t) => {
  const bus = await createTestDatabase([busMigrations]);
  const metrics = createMetrics();
  const opened: (() => Promise<void>)[] = [bus.close];
  t.after(async () => {
    for (const close of opened.reverse()) await close();
  });
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
    // What `openBus` uses of it.
    const service = {
      ...{ name: 'sample', logger: silentLogger, metrics: own, clock: systemClock, newId: uuidv7 },
      config: readEnvironment({ BUS_URL: bus.uri, QUEUE_WARN_MESSAGES: limit }, BUS_SETTINGS),
      env: { instanceId: 'sample-1' },
      revocations: {
        isCaughtUp: () => true,
        follow: (used: Transport) => {
          published.push(used.publish([]));
          return { close: async () => undefined };
        },
      },
      defer: (_what: string, close: () => Promise<void>) => void opened.push(close),
      readyWhen: () => undefined,
    } as unknown as ServiceContext<ReturnType<typeof readEnvironment<typeof BUS_SETTINGS>>>;
    await openBus(service, bus.db);
    await Promise.all(published);
    await eventually('the queue is shown', () =>
      own.render().includes(`messaging_queue_neglected{queue="idle"} ${neglected}`),
    );
  }
});

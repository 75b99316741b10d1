import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { startTestProcess, type TestProcess } from '../test-process.ts';
import { counted, effects } from '../test-system.ts';
import { type RabbitmqTestSystem, useRabbitmqTestSystem } from './test-system.ts';
import { skipWithoutRabbitmq } from './testing.ts';

const KEYS = 50;
const PER_KEY = 40;

async function publishAll(system: RabbitmqTestSystem): Promise<void> {
  for (let n = 0; n < PER_KEY; n += 1) {
    await system.service.db.transaction(async (tx) => {
      for (let key = 0; key < KEYS; key += 1) {
        await system.outbox.publish(tx, counted, { key: `k${key}`, n });
      }
    });
  }
}

describe('order on RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  const createSystem = useRabbitmqTestSystem();

  it('holds for each key over three processes that are killed again and again', async (t) => {
    const system = await createSystem(t);
    await system.transport().subscribe('test', ['test.counted.v1']);
    const start = () => startTestProcess(t, system, { parts: ['relay', 'consumer'] });
    const running: TestProcess[] = [await start(), await start(), await start()];
    const published = publishAll(system);
    for (let kills = 0; kills < 6; kills += 1) {
      const before = (await effects(system)).length;
      await eventually(
        'progress',
        async () => {
          const now = (await effects(system)).length;
          return now > before + 100 || now === KEYS * PER_KEY;
        },
        60_000,
      );
      // The oldest is the one that consumes; the others stand by.
      await running.shift()?.kill();
      running.push(await start());
    }
    await published;
    await eventually('all effects', async () => (await effects(system)).length >= KEYS * PER_KEY, 60_000);
    await Promise.all(running.map((one) => one.kill()));
    const byKey = Map.groupBy(await effects(system), ({ key }) => key);
    assert.equal(byKey.size, KEYS);
    const expected = Array.from({ length: PER_KEY }, (_, n) => n);
    for (const [key, found] of byKey) {
      assert.deepEqual(
        found.map(({ n }) => n),
        expected,
        key,
      );
    }
    assert.deepEqual((await system.deadLetters.list()).letters, []);
  });
});

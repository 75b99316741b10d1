import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { counted, createTestSystem, effects, type TestSystem } from '../../test/system.ts';
import { on } from './handler.ts';

const recordEffect = on(counted, async ({ data }, tx) => {
  await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
});

describe('from outbox to inbox', () => {
  let system: TestSystem;
  before(async () => {
    system = await createTestSystem();
  });
  after(() => system.close());

  it('delivers what was committed once and nothing that was rolled back', async () => {
    const transport = system.transport();
    await system.consumer(transport, [recordEffect]);
    const relay = system.relay(transport);
    const refusal = new Error('no');
    await assert.rejects(
      system.service.db.transaction(async (tx) => {
        await system.outbox.publish(tx, counted, { key: 'rolled-back', n: 1 });
        throw refusal;
      }),
      refusal,
    );
    await system.publish('committed', 1);
    relay.nudge();
    await eventually('the effect', async () => (await effects(system)).length === 1);
    await eventually('everything is deleted', async () => {
      const [left] = await system.bus.db.query('SELECT 1 FROM bus.delivery');
      const [unsent] = await system.service.db.query('SELECT 1 FROM outbox');
      return left === undefined && unsent === undefined;
    });
    assert.deepEqual(await effects(system), [{ key: 'committed', n: 1 }]);
  });
});

import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { on } from '../src/inbox/handler.ts';
import { counted, effects, type TestSystem } from './system.ts';

const newer = { ...counted, type: 'test.counted.v2' };
const KEYS = 20;

/** Old and new processes of one consumer share a queue whose types not all of them handle. */
export function testRollingDeployment(createSystem: (test: TestContext) => Promise<TestSystem>): void {
  it('gives up nothing and keeps the order of keys while old and new processes share a queue', async (t) => {
    const system = await createSystem(t);
    const [record, recordNewer] = [counted, newer].map((type) =>
      on(type, async ({ data }, tx) => {
        await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
      }),
    );
    assert.ok(record && recordNewer);
    for (const handlers of [[record], [record], [record, recordNewer]]) {
      await system.consumer(system.transport(), handlers, { db: system.pool() });
    }
    for (let n = 0; n < 3 * KEYS; n += 1) {
      const data = { key: `k${n % KEYS}`, n };
      const type = Math.floor(n / KEYS) === 1 ? newer : counted;
      await system.service.db.transaction((tx) => system.outbox.publish(tx, type, data));
    }
    system.relay(system.transport());
    const found = await eventually('all of them', async () => {
      const all = await effects(system);
      return all.length === 3 * KEYS && all;
    });
    for (let k = 0; k < KEYS; k += 1) {
      const ofKey = found.filter(({ key }) => key === `k${k}`).map(({ n }) => n);
      assert.deepEqual(ofKey, [k, KEYS + k, 2 * KEYS + k]);
    }
    assert.deepEqual((await system.deadLetters.list()).letters, []);
  });
}

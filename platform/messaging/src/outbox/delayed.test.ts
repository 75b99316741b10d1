import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { counted, createTestSystem, effects, type TestSystem } from '../../test/system.ts';
import { on } from '../inbox/handler.ts';
import type { PublishOptions } from './outbox.ts';
import { createOutboxStore } from './outbox-store.ts';

describe('a delayed message', () => {
  let system: TestSystem;
  before(async () => {
    system = await createTestSystem();
    const transport = system.transport();
    const handler = on(counted, async ({ data }, tx) => {
      await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
    });
    await system.consumer(transport, [handler]);
    system.relay(transport);
  });
  after(() => system.close());

  /** In one transaction: none of them is due while another is still to be published. */
  const publishAll = (key: string, ...messages: readonly (readonly [n: number, how: PublishOptions])[]) =>
    system.service.db.transaction(async (tx) => {
      for (const [n, how] of messages) await system.outbox.publish(tx, counted, { key, n }, how);
    });
  const publish = (key: string, n: number, how: PublishOptions) => publishAll(key, [n, how]);
  const effectsOf = async (key: string) =>
    (await effects(system)).filter((effect) => effect.key === key).map(({ n }) => n);
  const waiting = async () => (await system.service.db.query('SELECT 1 FROM outbox_delayed')).length;

  it('is sent when it is due, not earlier, and holds nothing of its key back', async () => {
    const before = performance.now();
    await publishAll('k', [1, { delayMs: 400 }], [2, {}]);
    await eventually('both', async () => (await effectsOf('k')).length === 2);
    assert.ok(performance.now() - before >= 400);
    assert.deepEqual(await effectsOf('k'), [2, 1]);
    assert.equal(await waiting(), 0);
  });

  it('is sent at once when its moment has passed', async () => {
    await publish('past', 1, { deliverAt: new Date(0) });
    await eventually('it has its effect', async () => (await effectsOf('past')).length === 1);
  });

  it('is sent after those that are due before it', async () => {
    const now = Date.now();
    const at = (ms: number) => ({ deliverAt: new Date(now + ms) });
    await publishAll('order', [3, at(300)], [1, at(100)], [2, at(200)]);
    await eventually('all', async () => (await effectsOf('order')).length === 3);
    assert.deepEqual(await effectsOf('order'), [1, 2, 3]);
  });

  it('does not exist when its transaction is rolled back', async () => {
    const refusal = new Error('no');
    await assert.rejects(
      system.service.db.transaction(async (tx) => {
        await system.outbox.publish(tx, counted, { key: 'rolled-back', n: 1 }, { delayMs: 1 });
        throw refusal;
      }),
      refusal,
    );
    assert.equal(await waiting(), 0);
  });

  it('is moved by one relay at a time, so that their order stays', async () => {
    await publish('later', 1, { delayMs: 3_600_000 });
    const store = createOutboxStore(system.service.db, '00000000-0000-7000-8000-00000000000a');
    await system.service.db.transaction(async (tx) => {
      await tx.query("SELECT pg_advisory_xact_lock(hashtext('outbox_move_due'))");
      await system.service.db.query('UPDATE outbox_delayed SET due_at = now()');
      assert.deepEqual(await store.moveDue(), { moved: 0, nextInMs: null });
    });
    await eventually('it is moved afterwards', async () => (await waiting()) === 0);
  });
});

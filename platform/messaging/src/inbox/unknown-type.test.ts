import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { counted, createTestSystem, effects, type TestSystem } from '../../test/system.ts';
import { createTestTransport, type TestTransport } from '../../test/transport.ts';
import type { MessageType } from '../message.ts';
import { createTestMessage } from '../testing/test-message.ts';
import type { ConsumerOptions } from './consumer.ts';
import { on } from './handler.ts';

type Step = typeof counted extends MessageType<infer T> ? T : never;

const newer: MessageType<Step> = { ...counted, type: 'test.counted.v2' };

/** Longer than a test. */
const LONG_MS = 600_000;

describe('a message whose type this process does not handle', () => {
  let system: TestSystem;
  let names = 0;
  before(async () => {
    system = await createTestSystem();
  });
  after(() => system.close());

  function createService() {
    names += 1;
    const name = `rolling-${names}`;
    const record = (type: MessageType<Step>) =>
      on(type, async ({ data }, tx) => {
        await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [`${name}-${data.key}`, data.n]);
      });
    const step = (type: MessageType<Step>, n: number, key = 'k') => createTestMessage(type, { key, n });
    return {
      name,
      step,
      /** A process that handles these types. */
      start: async (
        types: readonly MessageType<Step>[],
        options: Partial<ConsumerOptions> = {},
      ): Promise<TestTransport & { readonly stop: () => Promise<void> }> => {
        const transport = createTestTransport();
        const quick = { name, heldPollIntervalMs: 20, unknownTypeWaitMs: LONG_MS };
        const handlers = types.map(record);
        const consumer = await system.consumer(transport, handlers, {
          ...quick,
          db: system.pool(),
          ...options,
        });
        return { ...transport, stop: () => consumer.close() };
      },
      effects: async (key = 'k') =>
        (await effects(system)).filter((effect) => effect.key === `${name}-${key}`).map(({ n }) => n),
      letters: async () => (await system.deadLetters.list({ consumer: name })).letters,
      waits: (key = 'k') =>
        eventually('it waits', async () => {
          const rows = await system.service.db.query<{ waits_for: string | null }>(
            'SELECT waits_for FROM inbox_held_key WHERE consumer = $1 AND key = $2',
            [name, key],
          );
          return rows[0]?.waits_for ?? false;
        }),
    };
  }

  it('waits for a process that does, in the order of its key, while other keys go on', async () => {
    const service = createService();
    const old = await service.start([counted]);
    const messages = [
      ...[service.step(counted, 0), service.step(newer, 1), service.step(counted, 2)],
      service.step(counted, 0, 'other'),
    ];
    assert.deepEqual(await old.deliver(messages), ['done', 'done', 'done', 'done']);
    assert.equal(await service.waits(), newer.type);
    assert.deepEqual(await service.effects(), [0]);
    assert.deepEqual(await service.effects('other'), [0]);
    assert.deepEqual(await old.deliver([service.step(newer, 3), service.step(counted, 4)]), ['done', 'done']);
    await service.start([counted, newer]);
    await eventually('all of them', async () => (await service.effects()).length === 5);
    assert.deepEqual(await service.effects(), [0, 1, 2, 3, 4]);
    assert.deepEqual(await service.letters(), []);
  });

  it('waits also when the process is the newer one, whose handler was removed', async () => {
    const service = createService();
    const replacement = await service.start([newer]);
    await replacement.deliver([service.step(counted, 0), service.step(newer, 1)]);
    assert.equal(await service.waits(), counted.type);
    await service.start([counted]);
    await eventually('both', async () => (await service.effects()).length === 2);
    assert.deepEqual(await service.effects(), [0, 1]);
  });

  it('passes between both until all of its key is handled, in order', async () => {
    const service = createService();
    const [old] = await Promise.all([service.start([counted]), service.start([newer])]);
    const messages = Array.from({ length: 20 }, (_, n) => service.step(n % 2 === 0 ? newer : counted, n));
    await old?.deliver(messages);
    await eventually('all of them', async () => (await service.effects()).length === 20);
    assert.deepEqual(
      await service.effects(),
      Array.from({ length: 20 }, (_, n) => n),
    );
    assert.deepEqual(await service.letters(), []);
  });

  it('becomes a dead letter when none came for long, and its key goes on; redriven it waits again', async () => {
    const service = createService();
    const old = await service.start([counted], { unknownTypeWaitMs: 100 });
    await old.deliver([service.step(newer, 0), service.step(newer, 1), service.step(counted, 2)]);
    await eventually('the one behind them', async () => (await service.effects()).length === 1);
    const letters = await service.letters();
    assert.equal(letters.length, 2);
    for (const { reason } of letters) {
      assert.match(reason, /^unknown version: rolling-\d+ has no handler for "test.counted.v2", but for /);
    }
    await old.stop(); // it would give them up again before a busy machine has come to the other one
    await service.start([counted]);
    await system.deadLetters.redrive({ consumer: service.name }, { by: 'ann', reason: 'it is deployed' });
    assert.equal(await service.waits(), newer.type);
    await service.start([counted, newer]);
    await eventually('both', async () => (await service.effects()).length === 3);
    assert.deepEqual(await service.effects(), [2, 0, 1]);
  });

  it('is looked at again when something is redriven that comes before it', async () => {
    const service = createService();
    const failing = on(counted, () => Promise.reject(new Error('not yet')));
    const transport = createTestTransport();
    const options = { name: service.name, retry: { delaysMs: [] }, heldPollIntervalMs: 20 };
    const first = await system.consumer(transport, [failing], options);
    await transport.deliver([service.step(counted, 0)]);
    await transport.deliver([service.step(newer, 1)]);
    await service.waits();
    await first.close();
    await service.start([counted]);
    await system.deadLetters.redrive({ consumer: service.name }, { by: 'ann', reason: 'mended' });
    await eventually('it is handled', async () => (await service.effects()).length === 1);
    assert.deepEqual(await service.effects(), [0]);
    assert.equal(await service.waits(), newer.type);
  });

  it('stays suspect when it may have ended the process that handles it', async () => {
    const service = createService();
    const old = await service.start([counted]);
    await old.deliver([service.step(newer, 0)], { suspect: true });
    await service.waits();
    const [row] = await system.service.db.query(
      'SELECT suspect, crashes FROM inbox_held WHERE consumer = $1',
      [service.name],
    );
    assert.deepEqual(row, { suspect: true, crashes: 0 });
    await service.start([newer]);
    await eventually('it is handled', async () => (await service.effects()).length === 1);
  });

  it('is a dead letter at once when the broker gave it up', async () => {
    const service = createService();
    const old = await service.start([counted]);
    await old.deliver([service.step(newer, 0)], { givenUp: 'the broker gave it up' });
    assert.deepEqual(
      (await service.letters()).map(({ reason }) => reason),
      ['the broker gave it up'],
    );
  });
});

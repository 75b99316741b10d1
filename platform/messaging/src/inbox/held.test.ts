import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { counted, createTestSystem, effects, type TestSystem } from '../../test/system.ts';
import { createTestTransport, type TestTransport } from '../../test/transport.ts';
import { createTestMessage } from '../testing/test-message.ts';
import { type HandlerOptions, on } from './handler.ts';
import { createHeldMessages } from './held-messages.ts';

/** Longer than a test: it makes them due itself. */
const LONG = { delaysMs: [60_000] };

const step = (key: string, n: number) => createTestMessage(counted, { key, n });

describe('held messages', () => {
  let system: TestSystem;
  let names = 0;
  before(async () => {
    system = await createTestSystem();
  });
  after(() => system.close());

  /** A consumer of its own whose handler records the effect after `act`. */
  async function consume(
    act: (data: { key: string; n: number }) => Promise<void> | void,
    options: HandlerOptions & { name?: string; maxBatch?: number } = {},
  ): Promise<{ transport: TestTransport; name: string }> {
    names += 1;
    const { name = `test.${names}`, maxBatch = 32, ...handlerOptions } = options;
    const transport = createTestTransport();
    const handler = on(
      counted,
      async ({ data }, tx) => {
        await act(data);
        await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
      },
      handlerOptions,
    );
    await system.consumer(transport, [handler], { name, maxBatch });
    return { transport, name };
  }

  const effectsOf = async (key: string) =>
    (await effects(system)).filter((effect) => effect.key === key).map(({ n }) => n);
  const heldOf = (consumer: string) =>
    system.service.db.query<{ n: number; failures: number; crashes: number; suspect: boolean }>(
      `SELECT (body::jsonb -> 'data' ->> 'n')::integer AS n, failures, crashes, suspect
       FROM inbox_held WHERE consumer = $1 ORDER BY position`,
      [consumer],
    );
  const lettersOf = async (consumer: string) => (await system.deadLetters.list({ consumer })).letters;
  const makeDue = (consumer: string) =>
    system.service.db.query('UPDATE inbox_held_key SET due_at = now() WHERE consumer = $1', [consumer]);
  const dueInMs = async (consumer: string, failures: number) => {
    const [row] = await system.service.db.query<{ ms: number }>(
      `SELECT extract(epoch FROM k.due_at - clock_timestamp())::float8 * 1000 AS ms
       FROM inbox_held_key k JOIN inbox_held h USING (consumer, key) WHERE consumer = $1 AND failures = $2`,
      [consumer, failures],
    );
    return row?.ms;
  };
  const fail = () => {
    throw new Error('not now');
  };

  it('keep the order of a key: what comes later waits behind the failing message', async () => {
    let broken = true;
    const { transport, name } = await consume(() => (broken ? fail() : undefined), {
      retry: LONG,
    });
    assert.deepEqual(await transport.deliver([step('order', 1), step('order', 2)]), ['done', 'done']);
    assert.deepEqual(await transport.deliver([step('order', 3)]), ['done']);
    assert.deepEqual(
      (await heldOf(name)).map(({ n }) => n),
      [1, 2, 3],
    );
    broken = false;
    await makeDue(name);
    await eventually('all three', async () => (await effectsOf('order')).length === 3);
    assert.deepEqual(await effectsOf('order'), [1, 2, 3]);
    await eventually('the key is let go', async () => (await heldKeys(name)) === 0);
    await transport.deliver([step('order', 4)]);
    assert.deepEqual(await effectsOf('order'), [1, 2, 3, 4], 'the next goes the common way');
  });

  const heldKeys = async (consumer: string) =>
    (await system.service.db.query('SELECT 1 FROM inbox_held_key WHERE consumer = $1', [consumer])).length;

  it('are waited for by nobody while one of them is in work', async () => {
    const entered = Promise.withResolvers<void>();
    const hanging = Promise.withResolvers<void>();
    let attempts = 0;
    const { transport, name } = await consume(
      async ({ key }) => {
        if (key !== 'slow') return;
        attempts += 1;
        if (attempts === 1) fail();
        entered.resolve();
        await hanging.promise;
      },
      { retry: { delaysMs: [1] } },
    );
    await transport.deliver([step('slow', 1)]);
    await entered.promise;
    assert.deepEqual(await transport.deliver([step('slow', 2), step('quick', 1)]), ['done', 'done']);
    assert.deepEqual(await effectsOf('quick'), [1]);
    assert.equal((await heldOf(name)).length, 2);
    hanging.resolve();
    await eventually('both', async () => (await effectsOf('slow')).length === 2);
  });

  it('are tried on the schedule of their subscription, then given up with every attempt', async () => {
    const delaysMs = [60_000, 600_000];
    const { transport, name } = await consume(fail, { retry: { delaysMs } });
    const message = step('schedule', 1);
    await transport.deliver([message]);
    for (const [index, delayMs] of delaysMs.entries()) {
      const waitsMs = await eventually('it waits', () => dueInMs(name, index + 1));
      // Jitter: half to all of each delay. Some of it may be over already.
      assert.ok(waitsMs > delayMs / 2 - 15_000 && waitsMs <= delayMs, `${waitsMs} ms`);
      await makeDue(name);
    }
    const [letter] = await eventually('it is given up', async () => {
      const letters = await lettersOf(name);
      return letters.length > 0 && letters;
    });
    assert.equal(letter?.messageId, message.id);
    assert.deepEqual(
      letter?.attempts.map(({ error }) => error),
      ['not now', 'not now', 'not now'],
    );
    assert.match(letter?.error ?? '', /Error: not now\n {4}at /);
    await eventually('nothing is held back any more', async () => (await heldKeys(name)) === 0);
  });

  it('fail by the timeout of their subscription', async () => {
    const never = Promise.withResolvers<void>();
    const { transport, name } = await consume(() => never.promise, {
      timeoutMs: 30,
      retry: { delaysMs: [] },
    });
    await transport.deliver([step('timeout', 1)]);
    const [letter] = await lettersOf(name);
    assert.equal(letter?.reason, 'it failed 1 times: the handler was not done after 30 ms');
    never.resolve();
  });

  it('are handled once however often they are delivered meanwhile', async () => {
    let broken = true;
    const { transport, name } = await consume(({ n }) => (broken || n === 2 ? fail() : undefined), {
      retry: LONG,
    });
    const [waiting, doomed] = [step('again', 1), step('doomed', 2)];
    await transport.deliver([waiting, doomed]);
    assert.deepEqual(await transport.deliver([waiting]), ['done']);
    assert.deepEqual(await transport.deliver([waiting], { suspect: true }), ['done']);
    broken = false;
    await makeDue(name);
    await eventually('one is handled, one given up', async () => {
      return (await effectsOf('again')).length === 1 && (await lettersOf(name)).length === 1;
    });
    assert.deepEqual(await transport.deliver([waiting, doomed]), ['done', 'done']);
    assert.deepEqual(await transport.deliver([doomed], { suspect: true }), ['done']);
    assert.deepEqual(await effectsOf('again'), [1]);
    assert.equal((await lettersOf(name)).length, 1);
    assert.deepEqual(await heldOf(name), []);
  });

  it('are shared by several processes, each handled once', async () => {
    let broken = true;
    const act = () => (broken ? fail() : undefined);
    const options = { retry: LONG };
    const { transport, name } = await consume(act, options);
    await consume(act, { ...options, name });
    const keys = Array.from({ length: 20 }, (_, index) => `shared-${index}`);
    await transport.deliver(keys.map((key) => step(key, 1)));
    broken = false;
    await makeDue(name);
    await eventually('all', async () => (await heldOf(name)).length === 0);
    for (const key of keys) assert.deepEqual(await effectsOf(key), [1], key);
  });

  it('that are suspected run alone, before the later ones of their keys', async () => {
    const inWork = new Set<string>();
    let together = 0;
    const { transport } = await consume(async ({ key, n }) => {
      inWork.add(`${key}${n}`);
      if (n === 1) together = Math.max(together, inWork.size);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inWork.delete(`${key}${n}`);
    });
    const suspects = ['s1', 's2', 's3'].map((key) => step(key, 1));
    const suspected = transport.deliver(suspects, { suspect: true });
    const others = ['s1', 's2', 's3', 'other'].map(async (key) => {
      await suspected;
      return transport.deliver([step(key, 2)]);
    });
    await Promise.all(others);
    await eventually('all', async () => (await effectsOf('s3')).length === 2);
    await eventually(
      'all',
      async () => (await effectsOf('s1')).length + (await effectsOf('s2')).length === 4,
    );
    assert.equal(together, 1);
    for (const key of ['s1', 's2', 's3']) assert.deepEqual(await effectsOf(key), [1, 2]);
  });

  it('lose a counted crash when they end in an ordinary way, and are given up when they had too many', async () => {
    let broken = true;
    const { transport, name } = await consume(() => (broken ? fail() : undefined), {
      retry: { delaysMs: [60_000], maxCrashes: 2 },
    });
    await transport.deliver([step('counted', 1)], { suspect: true });
    await eventually('it failed', async () => (await heldOf(name))[0]?.failures === 1);
    assert.deepEqual(await heldOf(name), [{ n: 1, failures: 1, crashes: 0, suspect: false }]);
    broken = false;
    // As two processes leave it that vanished while it alone was in work.
    await system.service.db.query('UPDATE inbox_held SET suspect = true, crashes = 2 WHERE consumer = $1', [
      name,
    ]);
    await makeDue(name);
    const [letter] = await eventually('it is given up', async () => {
      const letters = await lettersOf(name);
      return letters.length > 0 && letters;
    });
    assert.equal(letter?.reason, 'the process ended 2 times while this message was in work');
    assert.deepEqual([letter?.failures, letter?.crashes], [1, 2]);
    assert.deepEqual(await effectsOf('counted'), []);
  });

  it('become suspects when the process that had taken them vanishes', async () => {
    const held = createHeldMessages(system.service.db, 'vanished', [counted.type]);
    await system.service.db.query(
      `SELECT inbox_fail('vanished', gen_random_uuid(), 'k', 't.v1', '{}', now(), '{"error": "x"}', 'x', 0, 0)`,
    );
    const [first] = await held.takeDue(10, false);
    assert.deepEqual([first?.suspect, first?.crashes], [false, 0]);
    await makeDue('vanished');
    const [second] = await held.takeDue(10, false);
    assert.equal(second?.suspect, true, 'only to somebody who works on nothing else');
    const [alone] = await held.takeDue(10, true);
    assert.equal(alone?.crashes, 0);
    await makeDue('vanished');
    const [after] = await held.takeDue(10, true);
    assert.equal(after?.crashes, 1, 'it was counted before it began');
  });

  it('are not taken for those of a crashed process as long as the one that has them may take to begin', async () => {
    const held = createHeldMessages(system.service.db, 'starved', [counted.type]);
    await system.service.db.query(
      `SELECT inbox_fail('starved', gen_random_uuid(), 'k', 't.v1', '{}', now(), '{"error": "x"}', 'x', 0, 0)`,
    );
    const [first] = await held.takeDue(10, false, 60_000);
    assert.ok(first);
    const dueIn = async () => (await dueInMs('starved', 1)) ?? 0;
    assert.ok((await dueIn()) > 1_000, 'longer than the second of those that are quick');
    assert.deepEqual(await held.takeDue(10, true, 60_000), []);
    await makeDue('starved');
    const [shown] = await held.takeDue(10, false, 60_000);
    assert.equal(shown?.suspect, true);
    assert.ok((await dueIn()) <= 0, 'what is only shown stays due');
  });

  it('let their key go only when nothing was put behind them in that moment', async () => {
    const { db } = system.service;
    const fresh = step('racing', 2);
    await db.query(
      `SELECT inbox_fail('racing', '00000000-0000-7000-8000-000000000001', 'racing', 't.v1', '{}', now(), '{"error": "x"}', 'x', 0, 0)`,
    );
    const held = createHeldMessages(db, 'racing', [counted.type]);
    const [first] = await held.takeDue(1, false);
    assert.ok(first);
    const ids = [first.inboxId];
    const waits = () =>
      eventually('the other waits', async () => {
        const rows = await system.bus.db.query(
          "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%inbox_finish%'",
        );
        return rows.length > 0;
      });
    let finishing: Promise<unknown> | undefined;
    await db.transaction(async (tx) => {
      await tx.query(
        `SELECT inbox_set_aside('racing', ARRAY[$1::uuid], '{racing}', '{t.v1}', '{"{}"}', ARRAY[now()], '{false}', false)`,
        [fresh.id],
      );
      finishing = db.transaction(async (other) => {
        await held.resume(other, 'racing', ids);
        await held.finish(other, 'racing', ids);
      });
      await waits();
    });
    await finishing;
    const [next] = await held.takeDue(1, false);
    assert.equal(next?.inboxId, fresh.id);
  });

  it('given up by the transport become dead letters untried, unless they were handled', async () => {
    const { transport, name } = await consume(() => undefined);
    const handled = step('given-up', 1);
    await transport.deliver([handled]);
    const givenUp = 'delivered 50 times to processes that did not settle it';
    assert.deepEqual(await transport.deliver([handled, step('given-up', 2)], { givenUp }), ['done', 'done']);
    const letters = await lettersOf(name);
    assert.deepEqual(
      letters.map(({ reason }) => reason),
      [givenUp],
    );
    assert.deepEqual(await effectsOf('given-up'), [1]);
  });
});

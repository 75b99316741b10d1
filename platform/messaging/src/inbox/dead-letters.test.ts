import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { formatTraceparent, newTrace } from '@flotilla/telemetry';
import { counted, createTestSystem, effects, type TestSystem } from '../../test/system.ts';
import { createTestTransport } from '../../test/transport.ts';
import { toCloudEvent } from '../cloud-event.ts';
import { createTestMessage } from '../testing/test-message.ts';
import { on } from './handler.ts';

const HOW = { by: 'ann', reason: 'the provider is back' };

describe('dead letters', () => {
  let system: TestSystem;
  let names = 0;
  before(async () => {
    system = await createTestSystem();
  });
  after(() => system.close());

  const step = (key: string, n: number) => createTestMessage(counted, { key, n });

  /** A consumer that gives everything up until it is repaired. */
  async function brokenConsumer() {
    names += 1;
    const name = `test.${names}`;
    const state = { broken: true };
    const handler = on(
      counted,
      async ({ data }, tx) => {
        if (state.broken) throw new Error(`no ${data.key}`);
        await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
      },
      { retry: { delaysMs: [] } },
    );
    const transport = createTestTransport();
    await system.consumer(transport, [handler], { name });
    return { transport, name, state };
  }

  const effectsOf = async (key: string) =>
    (await effects(system)).filter((effect) => effect.key === key).map(({ n }) => n);
  const numbers = (letters: readonly { readonly body: string }[]) =>
    letters.map(({ body }) => (JSON.parse(body) as { data: { n: number } }).data.n);
  const audit = (consumer: string) =>
    system.service.db.query(
      'SELECT actor, action, reason, key, dead_reason FROM inbox_audit WHERE consumer = $1 ORDER BY id',
      [consumer],
    );

  it('are listed newest first, by page and by filter, with all that is known of them', async () => {
    const { transport, name } = await brokenConsumer();
    const trace = newTrace();
    const data = { key: 'list-b', n: 4 };
    const traced = step('list-b', 4);
    const attributes = { id: traced.id, type: counted.type, source: 'test', time: '', key: 'list-b', data };
    const body = toCloudEvent({ ...attributes, traceparent: formatTraceparent(trace) });
    for (const n of [1, 2, 3]) await transport.deliver([step('list-a', n)]);
    await transport.deliver([{ ...traced, body }]);
    const first = await system.deadLetters.list({ consumer: name }, { limit: 3 });
    assert.deepEqual(numbers(first.letters), [4, 3, 2]);
    assert.ok(first.next);
    const second = await system.deadLetters.list({ consumer: name }, { limit: 3, after: first.next });
    assert.deepEqual(numbers(second.letters), [1]);
    assert.equal(second.next, undefined);

    const find = async (filter: object) =>
      (await system.deadLetters.list({ consumer: name, ...filter })).letters;
    assert.deepEqual(numbers(await find({ key: 'list-b' })), [4]);
    assert.deepEqual(numbers(await find({ text: 'NO LIST-B' })), [4]);
    assert.deepEqual(await find({ type: 'other.v1' }), []);
    assert.deepEqual(await find({ deadBefore: new Date(0) }), []);
    assert.equal((await find({ deadAfter: new Date(0) })).length, 4);
    const letter = await system.deadLetters.find(first.letters[0]?.id ?? '');
    assert.ok(letter);
    assert.equal(letter.traceparent, formatTraceparent(trace));
    assert.equal(letter.body, body);
    assert.equal(letter.reason, 'it failed 1 times: no list-b');
    assert.equal(await system.deadLetters.find('0'), undefined);
  });

  it('are redriven with their ids, in order, before what waits of their key, and have one effect', async () => {
    const { transport, name, state } = await brokenConsumer();
    await transport.deliver([step('redriven', 1)]);
    await transport.deliver([step('redriven', 2)]);
    const [second, first] = (await system.deadLetters.list({ consumer: name })).letters;
    state.broken = false;
    assert.equal(await system.deadLetters.redrive({ consumer: name, key: 'redriven' }, HOW), 2);
    await eventually('both', async () => (await effectsOf('redriven')).length === 2);
    assert.deepEqual(await effectsOf('redriven'), [1, 2]);
    assert.deepEqual((await system.deadLetters.list({ consumer: name })).letters, []);
    const known = await system.service.db.query<{ message_id: string }>(
      'SELECT message_id FROM inbox WHERE consumer = $1 ORDER BY message_id',
      [name],
    );
    assert.deepEqual(
      known.map((row) => row.message_id),
      [first?.messageId, second?.messageId].sort(),
    );
    const entry = {
      actor: 'ann',
      action: 'redrive',
      reason: HOW.reason,
      key: 'redriven',
      dead_reason: 'it failed 1 times: no redriven',
    };
    assert.deepEqual(await audit(name), [entry, entry]);
  });

  it('die again with all their attempts when they fail again', async () => {
    const { transport, name } = await brokenConsumer();
    await transport.deliver([step('again', 1)]);
    const [before] = (await system.deadLetters.list({ consumer: name })).letters;
    await system.deadLetters.redrive(before?.id ?? '', HOW);
    const after = await eventually('it is back', async () => {
      const [letter] = (await system.deadLetters.list({ consumer: name })).letters;
      return letter && letter.id !== before?.id && letter;
    });
    assert.deepEqual([after.messageId, after.failures, after.attempts.length], [before?.messageId, 1, 2]);
  });

  it('that were handled after all have no effect when redriven, unless it is forced', async () => {
    const { transport, name, state } = await brokenConsumer();
    const message = step('forced', 1);
    const bury = async () => {
      state.broken = true;
      await system.service.db.query('DELETE FROM inbox WHERE consumer = $1', [name]);
      await transport.deliver([message]);
      state.broken = false;
      await system.service.db.query('INSERT INTO inbox (consumer, message_id) VALUES ($1, $2)', [
        name,
        message.id,
      ]);
    };
    const drained = () =>
      eventually('it is done', async () => {
        const rows = await system.service.db.query('SELECT 1 FROM inbox_held_key WHERE consumer = $1', [
          name,
        ]);
        return rows.length === 0;
      });
    await bury();
    assert.equal(await system.deadLetters.redrive({ consumer: name }, HOW), 1);
    await drained();
    assert.deepEqual(await effectsOf('forced'), []);
    await bury();
    assert.equal(await system.deadLetters.redrive({ consumer: name }, { ...HOW, force: true }), 1);
    await drained();
    assert.deepEqual(await effectsOf('forced'), [1]);
    assert.deepEqual(
      (await audit(name)).map(({ action }) => action),
      ['redrive', 'redrive-forced'],
    );
  });

  it('are discarded for good: a late duplicate has no effect', async () => {
    const { transport, name, state } = await brokenConsumer();
    const message = step('discarded', 1);
    await transport.deliver([message]);
    const [letter] = (await system.deadLetters.list({ consumer: name })).letters;
    assert.equal(
      await system.deadLetters.discard(letter?.id ?? '', { by: 'bob', reason: 'a test order' }),
      1,
    );
    assert.equal(await system.deadLetters.discard(letter?.id ?? '', { by: 'bob', reason: 'again' }), 0);
    state.broken = false;
    assert.deepEqual(await transport.deliver([message]), ['done']);
    assert.deepEqual(await effectsOf('discarded'), []);
    assert.deepEqual(
      (await audit(name)).map(({ actor, action, reason }) => [actor, action, reason]),
      [['bob', 'discard', 'a test order']],
    );
  });

  it('are redriven once each, though they die again at once, and in parts when they are large', async () => {
    const { transport, name } = await brokenConsumer();
    for (let n = 0; n < 20; n += 1) {
      const message = step(`large-${n}`, n);
      await transport.deliver([{ ...message, body: `${message.body}${' '.repeat(250_000)}` }]);
    }
    const before = await system.service.db.query('SELECT 1 FROM inbox_dead_letter WHERE consumer = $1', [
      name,
    ]);
    assert.equal(before.length, 20);
    assert.equal(await system.deadLetters.redrive({ consumer: name }, HOW), 20);
    await eventually('all are dead again', async () => {
      const { letters } = await system.deadLetters.list({ consumer: name });
      return letters.length === 20 && letters.every(({ attempts }) => attempts.length === 2);
    });
  });

  it('are counted without being touched, and redriven no faster than was said', async () => {
    const { transport, name, state } = await brokenConsumer();
    for (let n = 1; n <= 5; n += 1) await transport.deliver([step(`paced-${n}`, n)]);
    assert.equal(await system.deadLetters.count({ consumer: name }), 5);
    assert.equal(await system.deadLetters.count({ consumer: name, key: 'paced-2' }), 1);
    state.broken = false;
    const stop = new AbortController();
    const begunMs = performance.now();
    const pace = { ...HOW, perSecond: 2, signal: stop.signal };
    assert.equal(await system.deadLetters.redrive({ consumer: name }, pace), 5);
    assert.ok(
      performance.now() - begunMs > 1_900,
      'two a second: the fifth comes two seconds after the first',
    );
    assert.equal(await system.deadLetters.count({ consumer: name }), 0);
    stop.abort();
  });

  it('are redriven by the thousand', async () => {
    await system.service.db.query(
      `INSERT INTO inbox_dead_letter (consumer, message_id, type, key, body, reason, attempts, failures, crashes, enqueued_at)
       SELECT 'many', gen_random_uuid(), 't.v1', 'k' || n % 7, '{}', 'failed', '[]', 1, 0, now() FROM generate_series(1, 1200) AS n`,
    );
    assert.equal(await system.deadLetters.redrive({ consumer: 'many' }, HOW), 1_200);
    const [moved] = await system.service.db.query(
      `SELECT (SELECT count(*)::integer FROM inbox_held WHERE consumer = 'many') AS held,
         (SELECT count(*)::integer FROM inbox_held_key WHERE consumer = 'many') AS keys,
         (SELECT count(*)::integer FROM inbox_audit WHERE consumer = 'many') AS audited`,
    );
    assert.deepEqual(moved, { held: 1_200, keys: 7, audited: 1_200 });
  });
});

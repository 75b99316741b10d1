import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PlatformError, uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import type { Database, Transaction } from '@flotilla/postgres';
import { currentContext, formatTraceparent, newTrace, runInContext } from '@flotilla/telemetry';
import { counted, createTestSystem, effects, type TestSystem } from '../../test/system.ts';
import { fromCloudEvent, toCloudEvent } from '../cloud-event.ts';
import type { Message } from '../message.ts';
import type { Transport } from '../transport.ts';
import { on } from './handler.ts';

const recordEffect = on(counted, async ({ data }, tx) => {
  await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
});

const OTHERS = 'datname = current_database() AND pid <> pg_backend_pid()';

/** For what is locked. */
async function isSomebodyWaiting(tx: Transaction): Promise<boolean> {
  const waiting = await tx.query(`SELECT FROM pg_stat_activity WHERE ${OTHERS} AND wait_event_type = 'Lock'`);
  return waiting.length > 0;
}

function event(key: string, n: number, changes: Partial<Message> = {}) {
  const message = {
    id: uuidv7(),
    type: counted.type,
    source: 'test',
    time: new Date().toISOString(),
    key,
    data: { key, n },
    ...changes,
  };
  return {
    id: message.id,
    type: message.type,
    key: message.key,
    body: toCloudEvent(message),
    mandatory: false,
  };
}

describe('a consumer', () => {
  let system: TestSystem;
  let transport: Transport;
  beforeEach(async () => {
    system = await createTestSystem();
    transport = system.transport();
  });
  afterEach(() => system.close());

  const deadLetter = () =>
    eventually('a dead letter', async () => (await system.deadLetters.list()).letters[0]);
  const seen = (count: number) =>
    eventually(`${count} effects`, async () => {
      const found = await effects(system);
      return found.length >= count && found;
    });

  it('runs the handler once for a message that is delivered several times', async () => {
    await system.consumer(transport, [recordEffect]);
    const message = event('k', 1);
    await transport.publish([message, message]);
    await transport.publish([message]);
    await transport.publish([event('k', 2)]);
    assert.deepEqual(await seen(2), [
      { key: 'k', n: 1 },
      { key: 'k', n: 2 },
    ]);
  });

  it('shows that it lives as soon as it runs, not only when it renews its lease', async () => {
    await system.consumer(system.transport({ leaseMs: 120_000 }), [recordEffect]);
    await eventually('its sign of life', async () => {
      const rows = await system.bus.db.query(
        "SELECT FROM bus.member WHERE presence IS NOT NULL AND alive_until > now() + interval '60 s'",
      );
      return rows.length === 1;
    });
  });

  it('runs both handlers when two consumers of one database receive the same message', async () => {
    await system.consumer(transport, [recordEffect]);
    await system.consumer(transport, [recordEffect], { name: 'test.other' });
    await transport.publish([event('k', 1)]);
    assert.equal((await seen(2)).length, 2);
  });

  it('commits effect, inbox and outbox together, or nothing', async () => {
    let failures = 0;
    const handler = on(counted, async ({ data }, tx) => {
      await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
      await system.outbox.publish(tx, counted, { key: 'caused', n: data.n });
      failures += 1;
      if (failures <= 2) throw new Error('after the writes');
    });
    await system.consumer(transport, [handler], { retry: { delaysMs: [1, 1, 1] } });
    await transport.publish([event('k', 1)]);
    await eventually('the third attempt', () => failures === 3);
    await seen(1);
    assert.equal((await effects(system)).length, 1);
    assert.equal((await system.service.db.query('SELECT 1 FROM outbox')).length, 1);
  });

  it('carries trace, correlation and cause from message to message', async () => {
    const contexts: (string | undefined)[] = [];
    const handler = on(counted, async ({ data }, tx) => {
      contexts.push(currentContext()?.trace.traceId, currentContext()?.correlationId);
      await system.outbox.publish(tx, counted, { key: 'caused', n: data.n });
    });
    await system.consumer(transport, [handler]);
    const trace = newTrace();
    const cause = event('k', 1, { traceparent: formatTraceparent(trace), correlationId: 'process-1' });
    await transport.publish([cause]);
    const [row] = await eventually('it is caused', async () => {
      const rows = await system.service.db.query<{ envelope: string }>('SELECT envelope FROM outbox');
      return rows.length === 1 && rows;
    });
    assert.deepEqual(contexts, [trace.traceId, 'process-1']);
    const parsed = fromCloudEvent(row?.envelope ?? '');
    assert.ok(parsed.ok);
    assert.equal(parsed.value.causationId, cause.id);
    assert.equal(parsed.value.correlationId, 'process-1');
    assert.match(parsed.value.traceparent ?? '', new RegExp(`^00-${trace.traceId}-`));
  });

  it('gives up a failing message after its attempts, with the error, and blocks only its key meanwhile', async () => {
    let attempts = 0;
    const handler = on(counted, async ({ data }, tx) => {
      if (data.key === 'bad' && data.n === 1) {
        attempts += 1;
        throw new Error('it never works');
      }
      await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
    });
    await system.consumer(transport, [handler], { retry: { delaysMs: [20, 40] } });
    const first = ['bad', 'bad', 'good', 'good'].map((key, index) => event(key, (index % 2) + 1));
    await transport.publish(first);
    const letter = await deadLetter();
    await seen(3);
    assert.ok(attempts >= 3, 'once more if it was first tried together with others');
    assert.equal(letter.failures, 3);
    assert.equal(letter.reason, 'it failed 3 times: it never works');
    assert.match(letter.error ?? '', /Error: it never works\n {4}at /);
    assert.deepEqual(await effects(system), [
      { key: 'good', n: 1 },
      { key: 'good', n: 2 },
      { key: 'bad', n: 2 },
    ]);
  });

  it('gives up at once what cannot succeed', async () => {
    const handler = on(counted, async () => {
      throw new PlatformError('ORDER_IMPOSSIBLE', 'it contradicts itself', { retryable: false });
    });
    await system.consumer(transport, [handler]);
    await transport.publish([event('k', 1)]);
    const letter = await deadLetter();
    assert.equal(letter.reason, 'it cannot succeed: it contradicts itself');
    assert.equal(letter.failures, 1);
  });

  const unreadable: [what: string, message: ReturnType<typeof event>, reason: RegExp][] = [
    ['is no JSON', { ...event('k', 1), body: '{"specversion"' }, /malformed: the body is not a JSON object/],
    ['is no CloudEvent', { ...event('k', 1), body: '{"id":"1"}' }, /malformed: it is not a CloudEvent/],
    ['lacks its source', event('k', 1, { source: '' }), /malformed: the attribute "source" is missing/],
    [
      'has a type without handler',
      { ...event('k', 1, { type: 'test.other.v1' }), type: counted.type },
      /unknown type: test has no handler for "test.other.v1"/,
    ],
    [
      'breaks its contract',
      event('k', 1, { data: { key: 'k', n: 'one' } }),
      /the data does not match test.counted.v1: \/n must be integer/,
    ],
  ];
  for (const [what, message, reason] of unreadable) {
    it(`puts a message that ${what} to the dead letters and goes on`, async () => {
      await system.consumer(transport, [recordEffect], { unknownTypeWaitMs: 0 });
      await transport.publish([message, event('k', 2)]);
      assert.match((await deadLetter()).reason, reason);
      assert.deepEqual(await seen(1), [{ key: 'k', n: 2 }]);
    });
  }

  it('tolerates fields it does not know and ids that are no UUIDs', async () => {
    await system.consumer(transport, [recordEffect]);
    const foreign = event('k', 1, { id: 'A-17', data: { key: 'k', n: 1, added: 'later' } });
    await transport.publish([foreign, foreign]);
    await transport.publish([event('k', 2)]);
    assert.equal((await seen(2)).length, 2);
  });

  it('treats a handler that hangs as failed and refuses its late writes', async () => {
    const hanging = Promise.withResolvers<void>();
    const late = Promise.withResolvers<unknown>();
    let attempts = 0;
    const handler = on(counted, async ({ data }, tx) => {
      attempts += 1;
      if (attempts === 1) {
        await hanging.promise;
        late.resolve(tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', ['late', 0]));
        return;
      }
      await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
    });
    const retry = { delaysMs: [1, 1, 1, 1, 1] };
    await system.consumer(transport, [handler], { handlerTimeoutMs: 500, retry });
    await transport.publish([event('hangs', 1)]);
    await seen(1);
    hanging.resolve();
    await assert.rejects(late.promise, { code: 'POSTGRES_QUERY_FAILED' });
    assert.deepEqual(await effects(system), [{ key: 'hangs', n: 1 }]);
  });

  it('lets the session wait as long as its handler may, and no longer than usual for others', async () => {
    const allowed: unknown[] = [];
    const note = (timeoutMs: number) =>
      on(
        timeoutMs > 30_000 ? counted : { ...counted, type: 'test.quick.v1' },
        async (_message, tx) => {
          allowed.push(...(await tx.query('SHOW idle_in_transaction_session_timeout', [])));
        },
        { timeoutMs },
      );
    await system.consumer(transport, [note(90_000), note(20_000)], { maxBatch: 1 });
    await transport.publish([event('k', 1)]);
    await eventually('the first', () => allowed.length === 1);
    await transport.publish([{ ...event('k', 2, { type: 'test.quick.v1' }), type: 'test.quick.v1' }]);
    await eventually('the second', () => allowed.length === 2);
    assert.deepEqual(
      allowed.map((row) => Object.values(row as object)[0]),
      ['95s', '30s'],
    );
  });

  it('goes on by itself when the server has cut every connection, in the middle of a statement', async () => {
    const pool = system.pool();
    await system.consumer(transport, [recordEffect], { db: pool });
    await transport.publish([event('k', 1)]);
    await seen(1);
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${OTHERS}`;
    await system.service.db.query(cut);
    await system.bus.db.transaction(async (tx) => {
      await tx.query('LOCK TABLE bus.delivery');
      await eventually('it waits for an answer', () => isSomebodyWaiting(tx));
      await tx.query(cut);
    });
    const again = event('k', 2);
    await eventually('published', () =>
      transport.publish([again]).then(
        () => true,
        () => false,
      ),
    );
    assert.deepEqual((await seen(2)).at(-1), { key: 'k', n: 2 });
    assert.deepEqual((await system.deadLetters.list()).letters, []);
  });

  it('subscribes again when the bus was restored without its queue', async () => {
    await system.consumer(transport, [recordEffect]);
    await transport.publish([event('k', 1)]);
    await seen(1);
    const { db } = system.bus;
    await db.transaction(async (tx) => {
      for (const table of ['subscription', 'delivery', 'member', 'shard', 'queue'])
        await tx.query(`DELETE FROM bus.${table}`, []);
    });
    await eventually(
      'it is subscribed',
      async () => (await db.query('SELECT FROM bus.subscription')).length === 1,
    );
    await transport.publish([event('k', 2)]);
    assert.deepEqual(await seen(2), [
      { key: 'k', n: 1 },
      { key: 'k', n: 2 },
    ]);
  });

  it('waits for a database that is away, without counting attempts', async () => {
    const { db } = system.service;
    let refusals = 4;
    const away = () => Promise.reject(new PlatformError('POSTGRES_UNAVAILABLE', 'away', { retryable: true }));
    const flaky: Database = {
      ...db,
      query: (sql, values) => (refusals > 0 ? away() : db.query(sql, values)),
      transaction: (work) => {
        refusals -= 1;
        return refusals > 0 ? away() : db.transaction(work);
      },
    };
    await system.consumer(transport, [recordEffect], { db: flaky, retry: { delaysMs: [] } });
    await transport.publish([event('k', 1)]);
    assert.deepEqual(await seen(1), [{ key: 'k', n: 1 }]);
    assert.deepEqual((await system.deadLetters.list()).letters, []);
  });

  it('forgets handled messages only after the retention', async () => {
    await system.service.db.query(
      `INSERT INTO inbox (consumer, message_id, handled_at)
       SELECT 'test', gen_random_uuid(), now() - days * interval '1 day' FROM unnest('{1,13,15,100}'::int[]) AS days`,
    );
    await system.consumer(transport, [recordEffect]);
    await eventually('two are left', async () => {
      const rows = await system.service.db.query('SELECT 1 FROM inbox');
      return rows.length === 2;
    });
  });

  it('finishes running handlers when it closes and leaves the rest to others', async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun = 0;
    const slow = on(counted, async ({ data }, tx) => {
      begun += 1;
      await gate;
      await tx.query('INSERT INTO effect (key, n) VALUES ($1, $2)', [data.key, data.n]);
    });
    const first = await system.consumer(transport, [slow], { maxBatch: 1, concurrency: 1 });
    await transport.publish([1, 2, 3].map((n) => event('k', n)));
    await eventually('it is in work', () => begun === 1);
    const closed = await system.bus.db.transaction(async (tx) => {
      // However long the bus lets it wait, nothing new begins.
      await tx.query('LOCK TABLE bus.delivery');
      await eventually('it asks for more', () => isSomebodyWaiting(tx));
      const closing = first.close();
      release?.();
      await eventually('the running one is done', async () => (await effects(system)).length > 0);
      return { closing };
    });
    await closed.closing;
    assert.equal(begun, 1);
    assert.deepEqual(await effects(system), [{ key: 'k', n: 1 }]);
    await system.consumer(system.transport(), [recordEffect]);
    assert.deepEqual(
      await seen(3),
      [1, 2, 3].map((n) => ({ key: 'k', n })),
    );
  });

  it('runs in the context of nobody else', async () => {
    const contexts: unknown[] = [];
    const handler = on(counted, async () => {
      contexts.push(currentContext()?.correlationId);
    });
    await runInContext({ trace: newTrace(), correlationId: 'starter' }, async () => {
      await system.consumer(transport, [handler]);
    });
    await transport.publish([event('k', 1)]);
    await eventually('it ran', () => contexts.length === 1);
    assert.deepEqual(contexts, [undefined]);
  });
});

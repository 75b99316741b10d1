import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Clock, systemClock, uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import type { Database } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, type Logger, silentLogger } from '@flotilla/telemetry';
import { busMigrations } from '../migrations.ts';
import type { OutgoingMessage } from '../transport.ts';
import { BACKLOG_INTERVAL_MS } from './backlog-watch.ts';
import { createPostgresTransport } from './postgres-transport.ts';
import { createQueues, type Queues } from './queues.ts';

/** The pause between two measurements is over at once. */
const hasty: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === BACKLOG_INTERVAL_MS ? 20 : ms, signal),
};

function messageTo(queue: string, key = 'k'): OutgoingMessage {
  return { id: uuidv7(), type: `${queue}.wanted.v1`, key, body: '{}', mandatory: false };
}

describe('the queues of the bus', () => {
  let test: TestDatabase;
  let bus: Database;
  let queues: Queues;
  const operator = { by: 'mia', reason: 'the service is gone' };
  before(async () => {
    test = await createTestDatabase([busMigrations]);
    bus = test.db;
    queues = createQueues(bus);
  });
  after(() => test.close());

  function transport(options = {}) {
    const base = { uri: test.uri, logger: silentLogger, metrics: createMetrics(), clock: hasty };
    return createPostgresTransport({ ...base, leaseMs: 600, pollIntervalMs: 50, ...options });
  }
  const statusOf = async (queue: string) => (await queues.list()).find((one) => one.queue === queue);
  const rowsOf = (sql: string, queue: string) =>
    bus.query(`SELECT 1 FROM bus.${sql} WHERE queue_id = (SELECT id FROM bus.queue WHERE name = $1)`, [
      queue,
    ]);

  /** Messages nobody takes, in a queue that was subscribed to. */
  async function fill(queue: string, messages: number): Promise<void> {
    await bus.query('SELECT bus.subscribe($1, ARRAY[$2])', [queue, `${queue}.wanted.v1`]);
    await bus.query(
      `INSERT INTO bus.delivery (queue_id, shard, key, type, body, enqueued_at)
       SELECT q.id, n % 16, 'k' || n, 'x', '{}', now() - interval '2 hours'
       FROM bus.queue q, generate_series(1, $2::integer) AS n WHERE q.name = $1`,
      [queue, messages],
    );
  }

  it('are measured by whoever uses the bus, and a neglected one is warned of once', async (t) => {
    await fill('dead', 20);
    const metrics = createMetrics();
    const warnings: object[] = [];
    const logger: Logger = { ...silentLogger, warn: (fields) => void warnings.push(fields) };
    const other = transport({ metrics, logger });
    t.after(() => other.close());
    await other.publish([messageTo('dead')]);
    await eventually('all of them are seen', () =>
      metrics.render().includes('messaging_queue_backlog{queue="dead"} 21'),
    );
    const age = /messaging_queue_oldest_age_seconds\{queue="dead"\} (\d+)/.exec(metrics.render());
    assert.ok(Number(age?.[1]) >= 7_200, `two hours, got ${age?.[1]}`);
    assert.match(metrics.render(), /messaging_queue_neglected\{queue="dead"\} 1/);
    await queues.drop('dead', operator);
    // Seen while it is dropped it may have no message any more and still an age.
    await eventually('it is gone', () => {
      const text = metrics.render();
      const isEmpty = text.includes('messaging_queue_backlog{queue="dead"} 0');
      return isEmpty && text.includes('messaging_queue_neglected{queue="dead"} 0');
    });
    assert.deepEqual(
      warnings.map((fields) => 'queue' in fields && fields.queue),
      ['dead'],
    );
  });

  it('are counted to a limit, and estimated beyond', async () => {
    await fill('long', 30_000);
    await bus.query('ANALYZE bus.delivery');
    const [long, empty] = [await statusOf('long'), await statusOf('nothing')];
    assert.equal(empty, undefined);
    assert.equal(long?.isEstimate, true);
    assert.ok(long.messages > 15_000 && long.messages < 60_000, `about 30,000, got ${long.messages}`);
    await queues.drop('long', operator);
  });

  it('are dropped with all that waits; what is published from then on does not reach them', async (t) => {
    await fill('gone', 12_000);
    const dropped = await queues.drop('gone', operator);
    const { messages, ...audit } = await lastAudit('gone');
    assert.deepEqual(dropped, { kind: 'dropped', messages, isEstimate: true });
    assert.deepEqual(audit, { actor: 'mia', action: 'drop', reason: 'the service is gone' });
    const publisher = transport();
    t.after(() => publisher.close());
    await publisher.publish([messageTo('gone')]);
    assert.equal(await statusOf('gone'), undefined);
    assert.deepEqual(await queues.drop('gone', operator), { kind: 'unknown' });
    assert.deepEqual(
      await bus.query('SELECT 1 FROM bus.delivery WHERE queue_id NOT IN (SELECT id FROM bus.queue)'),
      [],
    );
  });

  it('take nothing along from a publisher that was in the middle of it', async () => {
    await fill('racing', 1);
    const publishing = await bus.connect();
    await publishing.query('BEGIN');
    await publishing.query(
      `SELECT bus.publish(ARRAY['racing.wanted.v1'], ARRAY['k'], ARRAY[1::smallint], ARRAY['{}'], ARRAY[false])`,
    );
    const dropping = queues.drop('racing', operator);
    await eventually('it waits', async () => {
      const waiting = await bus.query(
        "SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'",
      );
      return waiting.length > 0;
    });
    await publishing.query('COMMIT');
    await publishing.end();
    assert.equal((await dropping).kind, 'dropped');
    assert.deepEqual(
      await bus.query('SELECT 1 FROM bus.delivery WHERE queue_id NOT IN (SELECT id FROM bus.queue)'),
      [],
    );
  });

  it('are left alone while a consumer lives, unless it is forced: then it begins with an empty one', async (t) => {
    const consuming = transport();
    t.after(() => consuming.close());
    await consuming.subscribe('alive', ['alive.wanted.v1']);
    // It takes messages and never finishes one.
    const unfinished = Promise.withResolvers<void>();
    const receiver = consuming.receive('alive', {
      ...{ concurrency: 1, maxBatch: 1 },
      handle: async (batch) => {
        await unfinished.promise;
        return batch.map(() => 'release' as const);
      },
    });
    t.after(() => {
      unfinished.resolve();
      return receiver.close();
    });
    await eventually('it consumes', async () => (await statusOf('alive'))?.consumers === 1);
    await consuming.publish([messageTo('alive', 'a'), messageTo('alive', 'b')]);
    assert.deepEqual(await queues.drop('alive', operator), { kind: 'in-use' });
    assert.equal((await statusOf('alive'))?.messages, 2);
    const dropped = await queues.drop('alive', { ...operator, force: true });
    assert.deepEqual(dropped, { kind: 'dropped', messages: 2, isEstimate: false });
    assert.equal((await lastAudit('alive')).action, 'drop-forced');
    await eventually(
      'it has subscribed again',
      async () => (await rowsOf('subscription', 'alive')).length === 1,
    );
    assert.equal((await statusOf('alive'))?.messages, 0);
  });

  it('of others are nothing that a role may drop', async () => {
    const grants = await bus.query<{ name: string }>(
      `SELECT p.proname AS name FROM pg_proc p
       WHERE p.pronamespace = 'bus'::regnamespace AND p.proname IN ('cut_off', 'drain_off', 'backlog_of', 'consumers_of')
         AND has_function_privilege('public', p.oid, 'EXECUTE')`,
    );
    assert.deepEqual(grants, []);
  });

  async function lastAudit(queue: string) {
    const [row] = await bus.query<{ actor: string; action: string; reason: string; messages: string }>(
      'SELECT actor, action, reason, messages FROM bus.queue_audit WHERE queue = $1 ORDER BY id DESC LIMIT 1',
      [queue],
    );
    if (row === undefined) throw new Error(`nothing was recorded of ${queue}`);
    return { ...row, messages: Number(row.messages) };
  }
});

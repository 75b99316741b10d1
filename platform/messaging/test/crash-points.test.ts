import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { messagingCrashPoints } from '../src/testing/crash-points.ts';
import { createTestMessage } from '../src/testing/test-message.ts';
import { type Part, startSuccessor, startTestProcess } from './process.ts';
import { counted, createTestSystem, effects, type TestSystem } from './system.ts';

type CrashPoint = (typeof messagingCrashPoints)[number];

/** What is there before the process is killed, who it is, and how it must end after another one has taken over. */
interface Scenario {
  readonly prepare: (system: TestSystem) => Promise<void>;
  readonly parts: readonly Part[];
  readonly ends: Partial<End>;
  /** Of its messages. Default `k`. */
  readonly key?: string;
}

interface End {
  /** Numbers of the messages that had their effect, in order. */
  readonly effects: readonly number[];
  readonly unsent: number;
  readonly delayed: number;
  readonly parked: number;
  readonly onTheBus: number;
  readonly held: number;
  readonly dead: number;
}

const NOTHING: End = { effects: [], unsent: 0, delayed: 0, parked: 0, onTheBus: 0, held: 0, dead: 0 };

async function subscribe(system: TestSystem): Promise<void> {
  await system.transport().subscribe('test', [counted.type]);
}

function threeOf(key: string, options = {}): Scenario['prepare'] {
  return async (system) => {
    await subscribe(system);
    for (let n = 0; n < 3; n += 1) {
      await system.service.db.transaction((tx) => system.outbox.publish(tx, counted, { key, n }, options));
    }
  };
}

/** A command that nobody receives, and messages that it holds back. */
async function unwanted(system: TestSystem): Promise<void> {
  await subscribe(system);
  const command = { ...counted, type: 'test.unwanted.v1', mandatory: true };
  await system.service.db.transaction(async (tx) => {
    await system.outbox.publish(tx, command, { key: 'k', n: 0 });
    for (const n of [1, 2]) await system.outbox.publish(tx, counted, { key: 'k', n });
  });
}

/** A message that no process of the consumer knows, and messages behind it. */
async function unheardOf(system: TestSystem): Promise<void> {
  const stranger = { ...counted, type: 'test.unheard-of.v1' };
  await system.transport().subscribe('test', [counted.type, stranger.type]);
  await system.service.db.transaction(async (tx) => {
    await system.outbox.publish(tx, stranger, { key: 'k', n: 0 });
    for (const n of [1, 2]) await system.outbox.publish(tx, counted, { key: 'k', n });
  });
}

async function deadLetter(system: TestSystem): Promise<void> {
  await subscribe(system);
  const { id, type, key, body } = createTestMessage(counted, { key: 'k', n: 0 });
  await system.service.db.query(
    `INSERT INTO inbox_dead_letter (consumer, message_id, type, key, body, reason, attempts, failures, crashes, enqueued_at)
     VALUES ('test', $1, $2, $3, $4, 'failed', '[]', 1, 0, now())`,
    [id, type, key, body],
  );
}

async function parkedMessage(system: TestSystem): Promise<void> {
  await subscribe(system);
  const { id, type, key, body } = createTestMessage(counted, { key: 'k', n: 0 });
  await system.service.db.query(
    `INSERT INTO outbox_parked (id, shard, message_id, key, type, envelope, created_at, attempts, parked_reason)
     VALUES (1, 0, $1, $2, $3, $4, now(), 10, 'refused')`,
    [id, key, type, body],
  );
}

/** A queue that nobody consumes any more, with a message in it. */
async function neglectedQueue(system: TestSystem): Promise<void> {
  await subscribe(system);
  await system.transport().publish([createTestMessage(counted, { key: 'k', n: 0 })]);
}

const all: readonly Part[] = ['relay', 'consumer'];
const plain: Scenario = { prepare: threeOf('k'), parts: all, ends: { effects: [0, 1, 2] } };
const delayed: Scenario = { ...plain, prepare: threeOf('k', { delayMs: 1 }) };
const failing: Scenario = { ...plain, prepare: threeOf('once'), key: 'once' };
const doomed: Scenario = {
  prepare: threeOf('doomed'),
  parts: all,
  ends: { effects: [1, 2], dead: 1 },
  key: 'doomed',
};
const unknown: Scenario = { prepare: unheardOf, parts: all, ends: { effects: [1, 2], dead: 1 } };
const refused: Scenario = { prepare: unwanted, parts: all, ends: { effects: [1, 2], parked: 1 } };
const redriven: Scenario = { prepare: deadLetter, parts: [...all, 'redrive'], ends: { effects: [0] } };
const discarded: Scenario = { prepare: deadLetter, parts: [...all, 'discard'], ends: {} };
const retried: Scenario = { prepare: parkedMessage, parts: [...all, 'retry-parked'], ends: { effects: [0] } };
const dropped: Scenario = { prepare: neglectedQueue, parts: ['drop-queue'], ends: {} };
const thrownAway: Scenario = { prepare: parkedMessage, parts: [...all, 'discard-parked'], ends: {} };

const SCENARIOS: Readonly<Record<CrashPoint, Scenario>> = {
  'relay.before-delayed-move': delayed,
  'relay.after-delayed-move': delayed,
  'relay.before-publish': plain,
  'bus.before-publish': plain,
  'bus.after-publish': plain,
  'relay.after-publish': plain,
  'relay.after-delete': plain,
  'relay.before-set-aside': refused,
  'relay.after-set-aside': refused,
  'relay.after-held-delete': refused,
  'relay.after-retry-later': refused,
  'relay.before-park': refused,
  'relay.after-park': refused,
  'parked.before-retry-commit': retried,
  'parked.after-retry-commit': retried,
  'parked.before-discard-commit': thrownAway,
  'parked.after-discard-commit': thrownAway,
  'consumer.before-handler': plain,
  'consumer.before-commit': plain,
  'consumer.after-commit': plain,
  'consumer.before-set-aside': failing,
  'consumer.after-set-aside': failing,
  'consumer.before-hold': failing,
  'consumer.after-hold': failing,
  'consumer.after-take-due': failing,
  'consumer.before-wait': unknown,
  'consumer.after-wait': unknown,
  'consumer.before-held-commit': failing,
  'consumer.after-held-commit': failing,
  'consumer.before-bury': doomed,
  'consumer.after-bury': doomed,
  'bus.before-ack': plain,
  'consumer.after-ack': plain,
  'dead-letters.before-redrive-commit': redriven,
  'dead-letters.after-redrive-commit': redriven,
  'dead-letters.before-discard-commit': discarded,
  'dead-letters.after-discard-commit': discarded,
  'queues.before-cut-off': dropped,
  'queues.after-cut-off': dropped,
  'queues.after-drain-off': dropped,
};

/** Where a process works on its shards, which another one takes when it is silent for too long. */
const LEASED = messagingCrashPoints.filter((crashPoint) => {
  const scenario = SCENARIOS[crashPoint];
  return scenario.parts === all && scenario !== delayed;
});

async function ownersOf({ service, bus }: TestSystem): Promise<ReadonlySet<string>> {
  const owned = 'WHERE owner IS NOT NULL';
  const rows = await Promise.all([
    service.db.query<{ owner: string }>(`SELECT owner FROM outbox_shard ${owned}`),
    bus.db.query<{ owner: string }>(`SELECT owner FROM bus.shard ${owned}`),
  ]);
  return new Set(rows.flat().map(({ owner }) => owner));
}

async function endsAs(system: TestSystem, expected: End): Promise<void> {
  await eventually(
    'the end',
    async () => JSON.stringify(await stateOf(system)) === JSON.stringify(expected),
  ).catch(() => undefined);
}

async function stateOf(system: TestSystem): Promise<End> {
  const [counts] = await system.service.db.query<Omit<End, 'effects' | 'onTheBus'>>(`
    SELECT ((SELECT count(*) FROM outbox) + (SELECT count(*) FROM outbox_held))::integer AS unsent, (SELECT count(*) FROM outbox_delayed)::integer AS delayed,
      (SELECT count(*) FROM outbox_parked)::integer AS parked, (SELECT count(*) FROM inbox_held)::integer AS held,
      (SELECT count(*) FROM inbox_dead_letter)::integer AS dead`);
  const onTheBus = (await system.bus.db.query('SELECT 1 FROM bus.delivery')).length;
  return { ...NOTHING, ...counts, onTheBus, effects: (await effects(system)).map(({ n }) => n) };
}

const TRIES = 3;

/**
 * A process on a new system that has come to its crash point. On a starved machine a lease can end in between, and the
 * messages take another way: then once more.
 */
async function reach(t: TestContext, crashPoint: CrashPoint, standsStill: boolean) {
  const { prepare, parts } = SCENARIOS[crashPoint];
  for (let tries = 1; ; tries += 1) {
    const system = await createTestSystem();
    t.after(() => system.close());
    await prepare(system);
    const victim = await startTestProcess(t, system, { parts, crashPoint, standsStill });
    let isThere = false;
    const coming = (standsStill ? victim.stands : victim.exited).then(() => {
      isThere = true;
    });
    const found = await eventually('the point is reached', () => isThere).catch(() => false);
    if (found) {
      await coming;
      return { system, victim };
    }
    await victim.kill();
    assert.ok(tries < TRIES, 'the point was reached');
  }
}

describe('a process killed between two durable effects', { concurrency: 3 }, () => {
  for (const crashPoint of messagingCrashPoints) {
    it(`at ${crashPoint} loses nothing and does nothing twice`, async (t: TestContext) => {
      const { parts, ends } = SCENARIOS[crashPoint];
      const { system, victim } = await reach(t, crashPoint, false);
      assert.equal(await victim.exited, 'SIGKILL', 'the point was reached');
      const successor = await startSuccessor(system, parts);
      const expected = { ...NOTHING, ...ends };
      await endsAs(system, expected);
      await successor.close();
      assert.deepEqual(await stateOf(system), expected, 'and it stays so');
    });
  }
});

describe('a process that stands still between two durable effects, loses its shards and gains them again', {
  concurrency: 3,
}, () => {
  for (const crashPoint of LEASED) {
    it(`at ${crashPoint} loses nothing, does nothing twice and keeps the order`, async (t: TestContext) => {
      const { parts, ends, key = 'k' } = SCENARIOS[crashPoint];
      const { system, victim: sleeper } = await reach(t, crashPoint, true);
      await system.publish(key, 3);
      const former = await ownersOf(system);
      const successor = await startSuccessor(system, parts);
      await eventually('its shards are taken', async () => {
        const owners = await ownersOf(system);
        return ![...former].some((owner) => owners.has(owner));
      });
      sleeper.goOn();
      await successor.close();
      const expected = { ...NOTHING, ...ends, effects: [...(ends.effects ?? []), 3] };
      await endsAs(system, expected);
      await sleeper.kill();
      assert.deepEqual(await stateOf(system), expected);
    });
  }
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '@flotilla/kernel/testing';
import { busMigrations, inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { type SagaDetails, sagaMigrations } from '../src/index.ts';
import { EFFECT, openWorld, type World } from './crash-world.ts';
import type { Errand } from './message-rig.ts';

const FIXTURE = fileURLToPath(new URL('./crash-message.fixture.ts', import.meta.url));

const FORWARD = ['do a', 'do b', 'do c'];
const BACK = [...FORWARD, 'undo b', 'undo a'];

let service: TestDatabase;
let bus: TestDatabase;

before(async () => {
  service = await createTestDatabase([sagaMigrations, outboxMigrations, inboxMigrations]);
  bus = await createTestDatabase([busMigrations]);
  await service.db.query(EFFECT);
});

after(() => Promise.all([service.close(), bus.close()]));

/** Runs a story in a process of its own, which must die at the crash point. */
async function crash(id: string, crashAt: string, story: string): Promise<void> {
  const child = spawn(process.execPath, [FIXTURE, service.uri, bus.uri, id, crashAt, story], {
    stdio: 'inherit',
  });
  const [, signal] = await once(child, 'exit', { signal: AbortSignal.timeout(300_000) });
  assert.equal(signal, 'SIGKILL', `the process did not reach ${crashAt}`);
}

/** Every command had its effect at the participant exactly once, in order. */
async function takenUp(
  id: string,
  effects: readonly string[],
  meanwhile: (world: World) => Promise<unknown> = async () => undefined,
): Promise<SagaDetails> {
  const world = await openWorld(service.uri, bus.uri);
  try {
    await meanwhile(world);
    const saga = await eventually('it ends', async () => {
      const found = await world.engine.find(id);
      return found?.endedAt && found;
    });
    const rows = await service.db.query<{ what: string }>(
      'SELECT what FROM participant_effect WHERE saga_id = $1 ORDER BY seq',
      [id],
    );
    assert.deepEqual(
      rows.map(({ what }) => what),
      effects,
    );
    return saga;
  } finally {
    await world.close();
  }
}

describe('a saga by messages whose process is killed (case 8)', () => {
  const replies = [
    'after-start-commit',
    'before-reply-commit',
    'after-reply-commit',
    'before-reply-commit:2',
  ];
  for (const point of replies) {
    it(`completes after saga.${point}`, async () => {
      const id = randomUUID();
      await crash(id, `saga.${point}`, 'direct');
      assert.equal((await takenUp(id, FORWARD)).status, 'completed');
    });
  }

  for (const point of [
    'before-reply-commit:3',
    'after-reply-commit:3',
    'before-reply-commit:4',
    'before-end',
  ]) {
    it(`is compensated after saga.${point}`, async () => {
      const id = randomUUID();
      await crash(id, `saga.${point}`, 'refusing');
      assert.equal((await takenUp(id, BACK)).status, 'compensated');
    });
  }

  for (const point of ['before-event-commit', 'after-event-commit']) {
    it(`has applied an event once after saga.${point}`, async () => {
      const id = randomUUID();
      await crash(id, `saga.${point}`, 'event');
      const saga = await takenUp(id, FORWARD, (world) =>
        eventually('the event is settled', async () => (await world.engine.find(id))?.messages.length === 1),
      );
      const nudges = (saga.data as Errand).trail.filter((what) => what === 'nudged').length;
      assert.equal(nudges, saga.messages[0]?.state === 'applied' ? 1 : 0);
    });
  }

  for (const point of ['before-operation-commit', 'after-operation-commit']) {
    it(`has carried out an operator's wish once after saga.${point}`, async () => {
      const id = randomUUID();
      await crash(id, `saga.${point}`, 'operation');
      const saga = await takenUp(id, FORWARD);
      assert.deepEqual([saga.status, saga.audit.map(({ verb }) => verb)], ['completed', ['skip']]);
    });
  }

  for (const point of ['before-migrate-commit', 'after-migrate-commit']) {
    it(`has become one of the new version once after saga.${point}`, async () => {
      const id = randomUUID();
      await crash(id, `saga.${point}`, 'migration');
      const saga = await takenUp(id, FORWARD, (world) =>
        eventually('it is migrated, and sent on', async () => {
          if ((await world.engine.find(id))?.version !== 2) return false;
          return (await world.engine.operate(id, { verb: 'skip', by: 'ann', reason: 'test' })).ok;
        }),
      );
      assert.deepEqual([saga.version, saga.audit.map(({ verb }) => verb)], [2, ['migrate', 'skip']]);
    });
  }
});

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { startTestProcess, type TestProcess } from './process.ts';
import { counted, effects, type TestSystem } from './system.ts';

const KEYS = 100;
const PER_KEY = 100;
const ALL = KEYS * PER_KEY;
/** Which of the three running processes is killed, 0 being the oldest; on some transports that one does all the work. */
const VICTIMS = [0, 2, 0, 1, 0, 2];
const EFFECTS_BETWEEN_KILLS = 1_000;
/** Without one more effect. Tells a hang from a machine that has a tenth of a processor left for this. */
const PATIENCE_MS = 5 * 60_000;

/**
 * What every transport keeps when processes are killed. `useSystem` is called inside of the `describe`; `skip`: why it
 * cannot run here.
 */
export function describeKilledProcesses(
  transport: string,
  useSystem: () => (test: TestContext) => Promise<TestSystem>,
  { skip = false }: { readonly skip?: string | false } = {},
): void {
  describe(`killed processes on ${transport}`, { skip }, () => {
    const createSystem = useSystem();

    it('leave every key in order and whole: 10,000 messages, 100 keys, three relays and consumers', async (t) => {
      const system = await createSystem(t);
      await system.transport().subscribe('test', [counted.type]);
      const start = () => startTestProcess(t, system, { parts: ['relay', 'consumer'] });
      const running: TestProcess[] = await Promise.all([start(), start(), start()]);
      const published = publishAll(system);
      for (const [kills, victim] of VICTIMS.entries()) {
        await untilDone(system, (kills + 1) * EFFECTS_BETWEEN_KILLS);
        await running.splice(victim, 1)[0]?.kill();
        running.push(await start());
      }
      await published;
      await untilDone(system, ALL);
      await Promise.all(running.map((one) => one.kill()));
      const expected = Array.from({ length: PER_KEY }, (_, n) => n);
      const byKey = await effectsByKey(system);
      assert.equal(byKey.size, KEYS);
      for (const [key, found] of byKey) assert.deepEqual(found, expected, key);
      assert.deepEqual((await system.deadLetters.list()).letters, []);
    });

    it('are blamed on the one message that kills them: it is given up after its crashes, and no other is', async (t) => {
      const system = await createSystem(t);
      const transport = system.transport();
      await transport.subscribe('test', [counted.type]);
      for (let n = 0; n < 100; n += 1) await system.publish(n === 7 ? 'killer' : `k${n % 5}`, n);
      const relay = system.relay(transport);
      const none = async () => (await system.service.db.query('SELECT 1 FROM outbox')).length === 0;
      await eventually('all are on their way', none, PATIENCE_MS);
      await relay.close();
      // Once together with the others, then alone as often as it may; the next process gives it up.
      for (let deaths = 0; deaths < 4; deaths += 1) {
        const victim = await startTestProcess(t, system, { parts: ['consumer'] });
        assert.equal(await victim.exited, 'SIGKILL');
      }
      const survivor = await startTestProcess(t, system, { parts: ['consumer'] });
      const deadLetters = async () => (await system.deadLetters.list()).letters;
      const letter = await eventually('the dead letter', async () => (await deadLetters())[0], PATIENCE_MS);
      await untilDone(system, 99);
      await survivor.kill();
      assert.deepEqual(
        [letter.key, letter.crashes, letter.reason],
        ['killer', 3, 'the process ended 3 times while this message was in work'],
      );
      assert.equal((await deadLetters()).length, 1);
      for (const [key, done] of await effectsByKey(system)) {
        assert.deepEqual(
          done,
          done.toSorted((a, b) => a - b),
          key,
        );
      }
    });
  });
}

async function publishAll(system: TestSystem): Promise<void> {
  for (let n = 0; n < PER_KEY; n += 1) {
    await system.service.db.transaction(async (tx) => {
      for (let key = 0; key < KEYS; key += 1) {
        await system.outbox.publish(tx, counted, { key: `k${key}`, n });
      }
    });
  }
}

async function untilDone(system: TestSystem, effects: number): Promise<void> {
  for (let before = 0; before < effects; ) {
    const more = async () => {
      const done = await countEffects(system);
      return done > before && done;
    };
    before = await eventually(`more than ${before} effects`, more, PATIENCE_MS, 100);
  }
}

async function countEffects(system: TestSystem): Promise<number> {
  const [row] = await system.service.db.query<{ done: number }>(
    'SELECT count(*)::integer AS done FROM effect',
  );
  return row?.done ?? 0;
}

async function effectsByKey(system: TestSystem): Promise<ReadonlyMap<string, number[]>> {
  const byKey = Map.groupBy(await effects(system), ({ key }) => key);
  return new Map([...byKey].map(([key, found]) => [key, found.map(({ n }) => n)]));
}

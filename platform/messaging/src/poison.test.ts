import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { startTestProcess } from './test-process.ts';
import { createTestSystem, effects } from './test-system.ts';

describe('a message that kills its process', () => {
  it('is given up after three crashes, and no other message is', async (t) => {
    const system = await createTestSystem();
    t.after(() => system.close());
    const deadLetters = async () => (await system.deadLetters.list()).letters;
    const transport = system.transport();
    await transport.subscribe('test', ['test.counted.v1']);
    for (let n = 0; n < 100; n += 1) await system.publish(n === 7 ? 'killer' : `k${n % 5}`, n);
    const relay = system.relay(transport);
    await eventually('all are on the bus', async () => {
      return (await system.service.db.query('SELECT 1 FROM outbox')).length === 0;
    });
    await relay.close();
    // Once together with the others, then alone as often as it may; the next process gives it up.
    for (let deaths = 0; deaths < 4; deaths += 1) {
      const victim = await startTestProcess(t, system, { parts: ['consumer'] });
      assert.equal(await victim.exited, 'SIGKILL');
    }
    const survivor = await startTestProcess(t, system, { parts: ['consumer'] });
    const letter = await eventually('the dead letter', async () => (await deadLetters())[0], 20_000);
    await eventually('the others', async () => (await effects(system)).length === 99, 20_000);
    await survivor.kill();
    assert.equal(letter.key, 'killer');
    assert.equal(letter.crashes, 3);
    assert.equal(letter.reason, 'the process ended 3 times while this message was in work');
    assert.equal((await deadLetters()).length, 1);
    for (const key of ['k0', 'k1', 'k2', 'k3', 'k4']) {
      const done = (await effects(system)).filter((effect) => effect.key === key).map(({ n }) => n);
      assert.deepEqual(
        done,
        done.toSorted((a, b) => a - b),
        key,
      );
    }
  });
});

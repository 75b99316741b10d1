import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createVirtualTimers } from '../testing.ts';
import { mayEject } from './ejection.ts';
import { createInstances, learn } from './instances.ts';

const OPTIONS = { consecutiveFailures: 3, ejectionMs: 10_000, maxEjectedPercent: 50 };

describe('ejection', () => {
  it('never leaves out more than its share, and nobody who is alone', () => {
    const event = fc.record({ which: fc.nat(), outcome: fc.constantFrom('answered', 'failed', 'abandoned') });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(event, { maxLength: 300 }), (size, events) => {
        const instances = createInstances(createVirtualTimers());
        const pool = Array.from({ length: size }, (_, index) => ({ instance: instances.of(`i${index}`) }));
        for (const { which, outcome } of events) {
          const { instance } = pool[which % size] ?? { instance: instances.of('i0') };
          learn(instance, outcome as 'failed', 5);
          if (mayEject(instance, pool, OPTIONS)) instances.eject(instance, OPTIONS.ejectionMs);
          const out = pool.filter((one) => one.instance.isEjected).length;
          assert.ok(out <= (size === 1 ? 0 : Math.max(1, Math.floor(size / 2))));
        }
      }),
    );
  });

  it('lasts longer each time in close succession, and ends by itself', async () => {
    const timers = createVirtualTimers();
    const instances = createInstances(timers);
    const instance = instances.of('i');
    for (const lastsMs of [10_000, 20_000, 30_000]) {
      instances.eject(instance, 10_000);
      await timers.advance(lastsMs - 1);
      assert.equal(instance.isEjected, true);
      await timers.advance(1);
      assert.equal(instance.isEjected, false);
    }
    await timers.advance(3_600_000);
    instances.eject(instance, 10_000);
    await timers.advance(10_000);
    assert.equal(instance.isEjected, false);
  });

  it('weighs a quick failure as a slow call', () => {
    const instance = createInstances(createVirtualTimers()).of('i');
    learn(instance, 'answered', 10);
    learn(instance, 'failed', 0.1);
    assert.ok(instance.latencyMs > 200);
  });
});

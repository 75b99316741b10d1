import assert from 'node:assert/strict';
import { it } from 'node:test';
import { measureLoopDelay } from './loop-delay.ts';

it('the lateness of the event loop is sampled only while somebody asks for it', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const setInterval = t.mock.method(globalThis, 'setInterval');
  const clearInterval = t.mock.method(globalThis, 'clearInterval');
  const delay = measureLoopDelay();
  t.mock.timers.tick(60_000);
  assert.equal(setInterval.mock.callCount(), 0);

  assert.equal(delay.medianMs, 0);
  for (let windows = 0; windows < 40; windows += 1) {
    t.mock.timers.tick(500);
    assert.ok(delay.medianMs >= 0);
  }
  assert.deepEqual([setInterval.mock.callCount(), clearInterval.mock.callCount()], [1, 0]);

  t.mock.timers.tick(60_000);
  assert.deepEqual([setInterval.mock.callCount(), clearInterval.mock.callCount()], [1, 1]);
  assert.equal(delay.medianMs, 0);
  assert.equal(setInterval.mock.callCount(), 2, 'asked again, it begins again');

  delay.close();
  assert.equal(delay.medianMs, 0);
  assert.deepEqual([setInterval.mock.callCount(), clearInterval.mock.callCount()], [2, 2]);
});

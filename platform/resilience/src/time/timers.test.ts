import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { createSystemTimers } from './timers.ts';

describe('the timers of a process', () => {
  it('fire in time, never early, and not when they were called off', async () => {
    const timers = createSystemTimers();
    const fired: string[] = [];
    const startedAtMs = performance.now();
    timers.after(20, () => fired.push('cancelled')).cancel();
    timers.after(30, () => fired.push('second'));
    timers.after(10, () => fired.push('first'));
    await new Promise<void>((resolve) => {
      // Without an own timer the process would end: what waits for these holds a socket, as a rule.
      const alive = setInterval(() => undefined, 1_000);
      timers.after(40, () => {
        clearInterval(alive);
        resolve();
      });
    });
    assert.deepEqual(fired, ['first', 'second']);
    assert.ok(performance.now() - startedAtMs >= 40);
  });

  it('keep a process alive that waits for one of them to fire, when they are told to', () => {
    const module = JSON.stringify(new URL('timers.ts', import.meta.url).href);
    const script = (keepsAlive: boolean) => `
      import { createSystemTimers } from ${module};
      const timers = createSystemTimers();
      timers.after(60_000, () => undefined, true).cancel();
      timers.after(20, () => process.exit(7), ${keepsAlive});`;
    const exitOf = (keepsAlive: boolean) =>
      spawnSync(process.execPath, ['--input-type=module', '-e', script(keepsAlive)]).status;
    assert.deepEqual([exitOf(true), exitOf(false)], [7, 0]);
  });
});

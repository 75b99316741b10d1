import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLock } from './lock.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a lock', () => {
  it('lets work in side by side', async () => {
    const lock = createLock();
    const leave = [await lock.shared(), await lock.shared()];
    for (const one of leave) one();
  });

  it('runs one alone when the others have left, and keeps newcomers waiting meanwhile', async () => {
    const lock = createLock();
    const log: string[] = [];
    const end = Promise.withResolvers<void>();
    const leave = await lock.shared();
    const alone = lock.exclusive(async () => {
      log.push('alone');
      await end.promise;
      log.push('ended');
    });
    const newcomer = lock.shared().then((leaveAgain) => {
      log.push('newcomer');
      leaveAgain();
    });
    const second = lock.exclusive(async () => {
      log.push('second');
    });
    await turn();
    assert.deepEqual(log, [], 'it waits for the one inside');
    leave();
    await turn();
    assert.deepEqual(log, ['alone']);
    end.resolve();
    await Promise.all([alone, newcomer, second]);
    assert.deepEqual(log.slice(0, 2), ['alone', 'ended']);
    assert.deepEqual(log.slice(2).sort(), ['newcomer', 'second']);
  });

  it('opens again when what ran alone has failed', async () => {
    const lock = createLock();
    const failure = new Error('no');
    await assert.rejects(
      lock.exclusive(async () => {
        throw failure;
      }),
      failure,
    );
    (await lock.shared())();
  });
});

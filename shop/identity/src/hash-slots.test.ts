import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createHashSlots } from './hash-slots.ts';

const { signal } = new AbortController();

describe('hash slots', () => {
  it('run only so many at a time, in order of arrival', async () => {
    const slots = createHashSlots({ concurrent: 2 });
    const finished: number[] = [];
    let running = 0;
    let most = 0;
    const work = (number: number) => async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      finished.push(number);
      running -= 1;
    };
    await Promise.all([1, 2, 3, 4, 5].map((number) => slots.run(work(number), signal)));
    assert.equal(most, 2);
    assert.deepEqual(finished, [1, 2, 3, 4, 5]);
  });

  it('refuse at once when the queue is full, and work on afterwards', async () => {
    const slots = createHashSlots({ concurrent: 1, queued: 1 });
    const gate = Promise.withResolvers<void>();
    const first = slots.run(() => gate.promise, signal);
    const second = slots.run(async () => 'second', signal);
    await assert.rejects(
      slots.run(async () => 'third', signal),
      { code: 'IDENTITY_BUSY', retryable: true },
    );
    gate.resolve();
    await first;
    assert.equal(await second, 'second');
    assert.equal(await slots.run(async () => 'fourth', signal), 'fourth');
  });

  it('spend nothing on a caller that has gone while it waited', async () => {
    const slots = createHashSlots({ concurrent: 1 });
    const gate = Promise.withResolvers<void>();
    const gone = new AbortController();
    const first = slots.run(() => gate.promise, signal);
    const second = slots.run(async () => assert.fail('it ran'), gone.signal);
    gone.abort(new Error('gone'));
    gate.resolve();
    await first;
    await assert.rejects(second, /gone/);
  });

  it('free the place of work that failed', async () => {
    const slots = createHashSlots({ concurrent: 1 });
    await assert.rejects(
      slots.run(async () => {
        throw new Error('no');
      }, signal),
      /no/,
    );
    assert.equal(await slots.run(async () => 'next', signal), 'next');
  });
});

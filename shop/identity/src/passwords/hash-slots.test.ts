import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createHashSlots } from './hash-slots.ts';

const { signal } = new AbortController();
const ann = { client: '192.0.2.1', signal };
const bob = { client: '192.0.2.2', signal };

describe('hash slots', () => {
  it('run only so many at a time, in order of arrival', async () => {
    const slots = createHashSlots({ concurrent: 2, queued: 8 });
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
    await Promise.all([1, 2, 3, 4, 5].map((number) => slots.run(work(number), ann)));
    assert.equal(most, 2);
    assert.deepEqual(finished, [1, 2, 3, 4, 5]);
  });

  it('refuse who has waited too long, and nobody behind them waits for it', async () => {
    const slots = createHashSlots({ concurrent: 1, queued: 8, patienceMs: 1 });
    const gate = Promise.withResolvers<void>();
    const first = slots.run(() => gate.promise, ann);
    await assert.rejects(
      slots.run(async () => 'second', bob),
      { code: 'IDENTITY_BUSY', retryable: true },
    );
    gate.resolve();
    await first;
    assert.equal(await slots.run(async () => 'third', bob), 'third');
  });

  it('refuse at once when the queue is full, and work on afterwards', async () => {
    const slots = createHashSlots({ concurrent: 1, queued: 1 });
    const gate = Promise.withResolvers<void>();
    const first = slots.run(() => gate.promise, ann);
    const second = slots.run(async () => 'second', ann);
    await assert.rejects(
      slots.run(async () => 'third', ann),
      { code: 'IDENTITY_BUSY', retryable: true },
    );
    gate.resolve();
    await first;
    assert.equal(await second, 'second');
    assert.equal(await slots.run(async () => 'fourth', ann), 'fourth');
  });

  it('spend nothing on a caller that has gone while it waited', async () => {
    const slots = createHashSlots({ concurrent: 1, queued: 8 });
    const gate = Promise.withResolvers<void>();
    const gone = new AbortController();
    const first = slots.run(() => gate.promise, ann);
    const second = slots.run(async () => assert.fail('it ran'), { ...ann, signal: gone.signal });
    gone.abort(new Error('gone'));
    // At once, and its place in the queue is free.
    await assert.rejects(second, /gone/);
    gate.resolve();
    await first;
  });

  it('give clients turns, however many each of them sends', async () => {
    const slots = createHashSlots({ concurrent: 1, queued: 8 });
    const order: string[] = [];
    const work = (name: string) => async () => void order.push(name);
    const flood = ['a1', 'a2', 'a3', 'a4'].map((name) => slots.run(work(name), ann));
    await Promise.all([...flood, slots.run(work('b1'), bob), slots.run(work('b2'), bob)]);
    assert.deepEqual(order, ['a1', 'a2', 'b1', 'a3', 'b2', 'a4']);
  });

  it('let nobody fill the queue: the longest one loses its last', async () => {
    const slots = createHashSlots({ concurrent: 1, queued: 3 });
    const gate = Promise.withResolvers<void>();
    const order: string[] = [];
    const work = (name: string) => async () => void order.push(name);
    const running = slots.run(() => gate.promise, ann);
    const flood = ['a1', 'a2', 'a3'].map((name) => slots.run(work(name), ann));
    const lost = assert.rejects(flood.at(-1) ?? running, { code: 'IDENTITY_BUSY' });
    const others = [slots.run(work('b1'), bob)];
    await assert.rejects(slots.run(work('b2'), bob), { code: 'IDENTITY_BUSY' });
    gate.resolve();
    await Promise.all([lost, running, ...flood.slice(0, 2), ...others]);
    assert.deepEqual(order, ['a1', 'b1', 'a2']);
  });

  it('free the place of work that failed', async () => {
    const slots = createHashSlots({ concurrent: 1, queued: 8 });
    await assert.rejects(
      slots.run(async () => {
        throw new Error('no');
      }, ann),
      /no/,
    );
    assert.equal(await slots.run(async () => 'next', ann), 'next');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { createOrderWatch } from './order-watch.ts';

const never = new AbortController().signal;

/** Looks at a value that the test changes, and counts the looks. */
function looking() {
  const state = { looks: 0, found: undefined as string | undefined };
  const look = async () => {
    state.looks += 1;
    return state.found;
  };
  return { state, look };
}

describe('watching an order', () => {
  it('returns at once what is there already', async () => {
    const watch = createOrderWatch(createManualClock());
    assert.equal(await watch.until('a', 1_000, never, async () => 'done'), 'done');
  });

  it('looks again as soon as the order ends here, and not for other orders', async () => {
    const watch = createOrderWatch(createManualClock());
    const { state, look } = looking();
    const waiting = watch.until('a', 10_000, never, look);
    watch.changed('b');
    state.found = 'done';
    await new Promise((resolve) => setImmediate(resolve));
    watch.changed('a');
    assert.equal(await waiting, 'done');
    assert.equal(state.looks, 2);
  });

  it('sees an end in another replica by looking now and then', async () => {
    const clock = createManualClock();
    const watch = createOrderWatch(clock, 250);
    const { state, look } = looking();
    const waiting = watch.until('a', 10_000, never, look);
    await clock.advance(250);
    state.found = 'done';
    await clock.advance(250);
    assert.equal(await waiting, 'done');
  });

  it('gives up when the time is over or the client has gone', async () => {
    const clock = createManualClock();
    const watch = createOrderWatch(clock, 250);
    const gone = new AbortController();
    const late = watch.until('a', 500, never, looking().look);
    const left = watch.until('a', 10_000, gone.signal, looking().look);
    gone.abort();
    for (let n = 0; n < 4; n += 1) await clock.advance(250);
    assert.deepEqual(await Promise.all([late, left]), [undefined, undefined]);
  });

  it('passes on a look that fails, and goes on for the others', async () => {
    const watch = createOrderWatch(createManualClock());
    await assert.rejects(
      watch.until('a', 1_000, never, () => Promise.reject(new Error('no database'))),
      /no database/,
    );
    const { state, look } = looking();
    const waiting = watch.until('a', 1_000, never, look);
    await new Promise((resolve) => setImmediate(resolve));
    state.found = 'done';
    watch.changed('a');
    assert.equal(await waiting, 'done');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWaitingRows } from './waiting-rows.ts';

describe('rows that wait for their moment', () => {
  const count = (rows: number) => async () => rows;
  const same = (rows: number) => rows;

  it('may be there until they are counted, and for as long as some are found', async () => {
    const waiting = createWaitingRows();
    assert.equal(waiting.mayBeSome(), true);
    assert.equal(await waiting.count(count(2), same), 2);
    assert.equal(waiting.mayBeSome(), true);
    await waiting.count(count(0), same);
    assert.equal(waiting.mayBeSome(), false);
    waiting.added();
    assert.equal(waiting.mayBeSome(), true);
    await waiting.count(count(0), same);
    assert.equal(waiting.mayBeSome(), false);
  });

  it('are not forgotten when one was added while they were counted', async () => {
    const waiting = createWaitingRows();
    const counted = Promise.withResolvers<number>();
    const counting = waiting.count(() => counted.promise, same);
    waiting.added();
    counted.resolve(0);
    await counting;
    assert.equal(waiting.mayBeSome(), true);
    await waiting.count(count(0), same);
    assert.equal(waiting.mayBeSome(), false);
  });

  it('may be there after a count that failed', async () => {
    const waiting = createWaitingRows();
    await assert.rejects(waiting.count(() => Promise.reject<number>(new Error('away')), same));
    assert.equal(waiting.mayBeSome(), true);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answer, headOf, recorderOf, setUp, show } from '../../../test/cache.ts';
import type { TestRequest } from '../../../test/exchange.ts';

describe('purging', () => {
  const fill = () => {
    const set = setUp();
    for (const id of ['1', '2', '3']) answer(recorderOf(set.lookup({ path: `/p/${id}`, values: { id } })));
    const kinds = () => ['1', '2', '3'].map((id) => set.lookup({ path: `/p/${id}`, values: { id } }).kind);
    return { ...set, kinds };
  };

  it('takes away what has the tag, the region or the path, or all', () => {
    const byTag = fill();
    assert.equal(byTag.cache.purge({ tag: 'product:2' }), 1);
    assert.deepEqual(byTag.kinds(), ['hit', 'miss', 'hit']);
    assert.equal(fill().cache.purge({ tag: 'products' }), 3);
    assert.equal(fill().cache.purge({ tag: 'product' }), 0);
    assert.equal(fill().cache.purge({ region: 'shop' }), 3);
    assert.equal(fill().cache.purge({ region: 'other' }), 0);
    assert.equal(fill().cache.purge({ prefix: '/p/3' }), 1);
    const { cache } = fill();
    assert.equal(cache.purge({ all: true }), 3);
    assert.deepEqual([cache.entries, cache.bytes], [0, 0]);
  });

  it('also takes what is being fetched, whose answer may be older', async () => {
    const { lookup, cache } = setUp();
    const request: TestRequest = { values: { id: '7' } };
    const recorder = recorderOf(lookup(request));
    const waiting = lookup(request);
    cache.purge({ tag: 'product:7' });
    answer(recorder, 'old');
    assert.ok(waiting.kind === 'wait');
    answer(recorderOf(await waiting.settled), 'new');
    assert.equal(show(lookup(request)), '200 new');
  });
});

describe('memory', () => {
  const limits = { maxEntries: 3, maxBytes: 10_000, maxResponseBytes: 4_000 };

  it('holds so many answers, and the used ones longest', () => {
    const { lookup, cache } = setUp({}, { limits });
    for (const path of ['/1', '/2', '/3']) answer(recorderOf(lookup({ path })));
    lookup({ path: '/1' });
    answer(recorderOf(lookup({ path: '/4' })));
    assert.deepEqual(
      ['/1', '/3', '/4', '/2'].map((path) => lookup({ path }).kind),
      ['hit', 'hit', 'hit', 'miss'],
    );
    assert.equal(cache.entries, 3);
  });

  it('holds so many bytes, whatever is put in and taken out', async () => {
    const { lookup, cache, clock } = setUp({}, { limits: { ...limits, maxEntries: 50 } });
    let state = 5;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 2_000; round += 1) {
      const found = lookup({ path: `/${random(30)}`, fields: [['X-V', String(random(3))]] });
      if (found.kind === 'miss')
        answer(found.recorder, 'x'.repeat(random(4_500)), random(2) === 0 ? [['Vary', 'x-v']] : []);
      if (random(20) === 0) cache.purge({ prefix: `/${random(30)}` });
      if (random(50) === 0) await clock.advance(5_000);
      assert.ok(cache.bytes <= 10_000 && cache.bytes >= 0 && cache.entries <= 50);
    }
    cache.purge({ all: true });
    assert.equal(cache.bytes, 0);
  });

  it('is not given to an answer that is too large, known before or not', () => {
    const { lookup } = setUp({}, { limits });
    assert.equal(recorderOf(lookup()).head(headOf([], 200, 4_001), ''), false);
    answer(recorderOf(lookup()), 'x'.repeat(4_001));
    assert.equal(lookup().kind, 'miss');
  });

  it('is bounded for answers on their way, too', () => {
    const { lookup } = setUp({}, { limits });
    const recorders = ['/1', '/2', '/3', '/4'].map((path) => recorderOf(lookup({ path })));
    for (const recorder of recorders) {
      recorder.head(headOf(), '');
      recorder.chunk(Buffer.alloc(3_000));
    }
    for (const recorder of recorders) recorder.complete();
    assert.equal(lookup({ path: '/4' }).kind, 'miss');
    assert.equal(lookup({ path: '/3' }).kind, 'hit');
    answer(recorderOf(lookup({ path: '/5' })), 'x'.repeat(3_000));
    assert.equal(lookup({ path: '/5' }).kind, 'hit', 'what has ended takes no room');
  });
});

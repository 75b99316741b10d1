import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { afterwards, answer, type Pairs, recorderOf, setUp, show } from '../../../test/cache.ts';

describe('the lifetime', () => {
  const changes = { freshness: 'origin' } as const;
  const lives = async (fields: Pairs, ms: number) => {
    const { lookup, clock } = setUp(changes);
    answer(recorderOf(lookup()), 'body', fields);
    await clock.advance(ms - 1);
    const before = lookup().kind;
    await clock.advance(1);
    return [before, lookup().kind];
  };
  it('is what the answer says, where it may', async () => {
    const cases: readonly (readonly [Pairs, number])[] = [
      [[['Cache-Control', 'max-age=5']], 5_000],
      [[['Cache-Control', 'max-age=5, s-maxage=20']], 20_000],
      [
        [
          ['Cache-Control', 'max-age=5'],
          ['Age', '3'],
        ],
        2_000,
      ],
      [
        [
          ['Expires', 'Thu, 01 Jan 2026 00:00:30 GMT'],
          ['Date', 'Thu, 01 Jan 2026 00:00:00 GMT'],
        ],
        30_000,
      ],
      [[], 10_000],
    ];
    for (const [fields, ms] of cases)
      assert.deepEqual(await lives(fields, ms), ['hit', 'miss'], JSON.stringify(fields));
    for (const expires of ['-1', '0', 'Thu, 01 Jan 2025 00:00:00 GMT'])
      assert.equal(afterwards([['Expires', expires]], { changes }), 'miss');
  });

  it('may be outlasted: given while a new one is fetched, by one request', async () => {
    const { lookup, clock } = setUp({ staleWhileRevalidateMs: 5_000 });
    answer(recorderOf(lookup()), 'old');
    await clock.advance(10_000);
    const first = lookup();
    assert.equal(show(first), '200 old refresh');
    assert.equal(show(lookup()), '200 old');
    assert.ok(first.kind === 'hit' && first.refresh);
    answer(first.refresh, 'new');
    assert.equal(show(lookup()), '200 new');
    await clock.advance(15_000);
    assert.equal(lookup().kind, 'miss');
  });

  it('is not outlasted for ever when refreshing fails, and not tried all the time', async () => {
    const { lookup, clock } = setUp({ staleWhileRevalidateMs: 5_000 });
    answer(recorderOf(lookup()), 'old');
    await clock.advance(10_000);
    const first = lookup();
    assert.ok(first.kind === 'hit' && first.refresh);
    first.refresh.abandon('failed');
    assert.equal(show(lookup()), '200 old');
    await clock.advance(1_000);
    assert.equal(show(lookup()), '200 old refresh');
  });

  it('may be outlasted in place of an error', async () => {
    const { lookup, clock } = setUp({ staleIfErrorMs: 5_000 });
    answer(recorderOf(lookup()), 'old');
    await clock.advance(10_000);
    const recorder = recorderOf(lookup());
    const waiting = lookup();
    assert.equal(recorder.instead()?.body.toString(), 'old');
    recorder.abandon('failed');
    assert.ok(waiting.kind === 'wait');
    assert.equal(show(await waiting.settled), '200 old');
    assert.equal(show(lookup()), '200 old');
    await clock.advance(1_000);
    const next = recorderOf(lookup());
    await clock.advance(4_000);
    assert.equal(next.instead(), undefined);
  });
});

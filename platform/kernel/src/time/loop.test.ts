import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { createManualClock, type ManualClock } from '../testing/index.ts';
import { type Rest, startLoop } from './loop.ts';

interface Line {
  readonly level: string;
  readonly message: string;
}

/** A loop of rounds that a test ends one by one. */
function begin(
  clock: ManualClock,
  intervalMs: number | (() => number) = 1_000,
  more: {
    readonly signal?: AbortSignal;
    readonly maxBackoffMs?: number;
    readonly restIntervalMs?: number | (() => number);
  } = {},
) {
  const lines: Line[] = [];
  const write = (level: string) => (_fields: object, message: string) => void lines.push({ level, message });
  let rounds = 0;
  let current: PromiseWithResolvers<boolean | Rest> = Promise.withResolvers();
  const loop = startLoop({
    name: 'test',
    run: () => {
      rounds += 1;
      current = Promise.withResolvers();
      return current.promise;
    },
    intervalMs,
    clock,
    logger: { debug: write('debug'), info: write('info'), warn: write('warn') },
    random: () => 1,
    ...more,
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    loop,
    lines,
    rounds: () => rounds,
    end: async (again: boolean | Rest = false) => {
      current.resolve(again);
      await settle();
    },
    fail: async () => {
      current.reject(new Error('away'));
      await settle();
    },
    settle,
  };
}

describe('a loop', () => {
  it('goes round at once, after its interval, or when it is asked to', async () => {
    const clock = createManualClock();
    const { rounds, end, loop, settle } = begin(clock, () => 50);
    assert.equal(rounds(), 1);
    await end(true);
    assert.equal(rounds(), 2);
    await end();
    await clock.advance(49);
    assert.equal(rounds(), 2);
    await clock.advance(1);
    assert.equal(rounds(), 3);
    await end();
    loop.wake();
    await settle();
    assert.equal(rounds(), 4);
  });

  it('that is woken while it works goes round once more, and not twice', async () => {
    const { rounds, end, loop } = begin(createManualClock());
    loop.wake();
    loop.wake();
    await end();
    assert.equal(rounds(), 2);
    await end();
    assert.equal(rounds(), 2);
  });

  it('that fails backs off up to 5 s however often it is woken, and says so once', async () => {
    const clock = createManualClock();
    const { rounds, fail, end, loop, lines, settle } = begin(clock);
    for (const delayMs of [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
      const before = rounds();
      await fail();
      loop.wake();
      await settle();
      await clock.advance(delayMs - 1);
      assert.equal(rounds(), before, `after ${before} failures it is woken too early`);
      await clock.advance(1);
      assert.equal(rounds(), before + 1);
    }
    await end();
    assert.deepEqual(
      lines.filter(({ level }) => level !== 'debug'),
      [
        { level: 'warn', message: 'background work failed, it is tried again' },
        { level: 'info', message: 'background work recovered' },
      ],
    );
  });

  it('that is stopped ends its round first, and does not finish a pause', async () => {
    const clock = createManualClock();
    const running = begin(clock);
    let stopped = false;
    const stop = running.loop.stop().then(() => {
      stopped = true;
    });
    await running.settle();
    assert.equal(stopped, false);
    await running.end(true);
    await stop;
    assert.equal(running.rounds(), 1);

    for (const endRound of ['end', 'fail'] as const) {
      const pausing = begin(clock);
      await pausing[endRound]();
      await pausing.loop.stop();
      assert.equal(pausing.rounds(), 1);
    }
  });

  it('ends with its signal, after the round that runs, and does not begin after it', async () => {
    const end = new AbortController();
    const running = begin(createManualClock(), 1_000, { signal: end.signal });
    let hasEnded = false;
    const ended = running.loop.ended.then(() => {
      hasEnded = true;
    });
    end.abort();
    await running.settle();
    assert.equal(hasEnded, false, 'the round still runs');
    await running.end(true);
    await ended;
    assert.equal(running.rounds(), 1);
    assert.equal(getEventListeners(end.signal, 'abort').length, 0);
    const late = begin(createManualClock(), 1_000, { signal: end.signal });
    await late.loop.ended;
    assert.equal(late.rounds(), 0);
  });

  it('waits no longer than it may after failures', async () => {
    const clock = createManualClock();
    const { rounds, fail } = begin(clock, 60_000, { maxBackoffMs: 150 });
    for (const waitMs of [100, 150, 150]) {
      const before = rounds();
      await fail();
      await clock.advance(waitMs - 1);
      assert.equal(rounds(), before);
      await clock.advance(1);
      assert.equal(rounds(), before + 1);
    }
  });

  it('looks ever less often while it finds nothing, and as often as ever once it finds something, is woken or fails', async () => {
    const clock = createManualClock();
    let longestMs = 4_000;
    const { rounds, end, fail, loop, settle } = begin(clock, 500, { restIntervalMs: () => longestMs });
    const expectPause = async (pauseMs: number) => {
      const before = rounds();
      await clock.advance(pauseMs - 1);
      assert.equal(rounds(), before, `less than ${pauseMs} ms`);
      await clock.advance(1);
      assert.equal(rounds(), before + 1, `more than ${pauseMs} ms`);
    };
    const restFor = async (...pausesMs: number[]) => {
      for (const pauseMs of pausesMs) {
        await end({});
        await expectPause(pauseMs);
      }
    };

    await restFor(500, 1_000, 2_000, 4_000, 4_000);
    await end(false);
    await expectPause(500);
    await restFor(500, 1_000);

    await end({});
    loop.wake();
    await settle();
    await restFor(500, 1_000);

    await fail();
    await expectPause(100);
    await restFor(500, 1_000);

    longestMs = 0;
    await restFor(500, 500);
  });

  it('does not sleep past what falls due, nor spins for what is due and not its own', async () => {
    const clock = createManualClock();
    const { rounds, end } = begin(clock, 500, { restIntervalMs: 5_000 });
    for (const [dueInMs, pauseMs] of [
      [70, 70],
      [0.2, 1],
      [60_000, 2_000],
      [0, 500],
      [-3, 500],
      [null, 5_000],
    ] as const) {
      const before = rounds();
      await end({ dueInMs });
      await clock.advance(pauseMs - 1);
      assert.equal(rounds(), before, `due in ${dueInMs}: too early`);
      await clock.advance(1);
      assert.equal(rounds(), before + 1, `due in ${dueInMs}: too late`);
    }
  });
});

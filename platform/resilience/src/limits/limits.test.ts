import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createVirtualTimers } from '../testing.ts';
import { createLatencyTracker } from '../time/latency.ts';
import { createAdaptiveLimit } from './adaptive-limit.ts';
import { createBulkhead, type Waiter } from './bulkhead.ts';
import { createRateLimiter } from './rate-limiter.ts';
import { createShedding, lowerPriority } from './shedding.ts';

function waiter(log: string[], name: string): Waiter {
  return { granted: () => log.push(name), giveUp: () => log.push(`${name} gave up`) };
}

describe('a bulkhead', () => {
  it('lets in so many, makes so many wait in turn, and refuses the rest', () => {
    const log: string[] = [];
    const bulkhead = createBulkhead({ maxConcurrent: 1, maxQueued: 2 }, createVirtualTimers());
    const enter = (name: string) => bulkhead.enter(waiter(log, name));
    assert.deepEqual(['a', 'b', 'c', 'd'].map(enter), ['entered', 'queued', 'queued', 'refused']);
    bulkhead.leave(false);
    bulkhead.leave(false);
    assert.deepEqual(log, ['b', 'c']);
  });

  it('sends away who waits too long', async () => {
    const log: string[] = [];
    const timers = createVirtualTimers();
    const bulkhead = createBulkhead({ maxConcurrent: 1, maxQueued: 5, maxWaitMs: 50 }, timers);
    bulkhead.enter(waiter(log, 'a'));
    bulkhead.enter(waiter(log, 'b'));
    await timers.advance(50);
    assert.deepEqual(log, ['b gave up']);
    assert.equal(bulkhead.queued, 0);
    assert.equal(timers.pending, 0);
  });

  it('serves the newest first in a backlog: the others have lost already', async () => {
    const log: string[] = [];
    const timers = createVirtualTimers();
    const bulkhead = createBulkhead({ maxConcurrent: 1, maxQueued: 5, maxWaitMs: 1_000 }, timers);
    for (const name of ['a', 'b', 'c']) bulkhead.enter(waiter(log, name));
    await timers.advance(101);
    bulkhead.enter(waiter(log, 'd'));
    bulkhead.leave(false);
    assert.deepEqual(log, ['d']);
  });

  it('keeps the slot of work that nobody waits for until it ends', () => {
    const bulkhead = createBulkhead({ maxConcurrent: 1 }, createVirtualTimers());
    bulkhead.enter(waiter([], 'a'));
    bulkhead.abandon();
    assert.equal(bulkhead.zombies, 1);
    assert.equal(bulkhead.enter(waiter([], 'b')), 'refused');
    bulkhead.leave(true);
    assert.equal(bulkhead.zombies, 0);
    assert.equal(bulkhead.enter(waiter([], 'c')), 'entered');
  });

  it('never lets in more than its limit, forgets nobody and gives no slot twice', async () => {
    const step = fc.record({
      act: fc.constantFrom(
        'enter' as const,
        'enter' as const,
        'leave' as const,
        'withdraw' as const,
        'wait' as const,
      ),
      which: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 200 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, max) => {
          const watched = watchBulkhead(max);
          for (const { act, which } of steps) {
            await watched[act](which);
            watched.check();
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

/** A bulkhead that is used at random, each time with what must hold. */
function watchBulkhead(max: number) {
  const timers = createVirtualTimers();
  const bulkhead = createBulkhead({ maxConcurrent: max, maxQueued: 5, maxWaitMs: 100 }, timers);
  const inside = new Set<Waiter>();
  const waiting = new Set<Waiter>();
  const take = (from: Set<Waiter>, which: number): Waiter | undefined => {
    const one = [...from][which % from.size];
    if (one !== undefined) from.delete(one);
    return one;
  };
  return {
    enter: () => {
      const one: Waiter = {
        granted: () => {
          assert.ok(waiting.delete(one), 'only who waits is let in');
          inside.add(one);
        },
        giveUp: () => assert.ok(waiting.delete(one), 'only who waits gives up'),
      };
      const how = bulkhead.enter(one);
      if (how === 'entered') inside.add(one);
      else if (how === 'queued') waiting.add(one);
      else assert.equal(waiting.size, 5);
    },
    leave: (which: number) => {
      if (take(inside, which) !== undefined) bulkhead.leave(false);
    },
    withdraw: (which: number) => {
      const one = take(waiting, which);
      if (one !== undefined) bulkhead.withdraw(one);
    },
    wait: (which: number) => timers.advance(which % 60),
    check: () => {
      assert.ok(inside.size <= max);
      assert.equal(bulkhead.running, inside.size);
      assert.equal(bulkhead.queued, waiting.size);
      assert.ok(waiting.size === 0 || inside.size === max, 'nobody waits while there is a slot');
    },
  };
}

/** Calls for `seconds`, so many a second as the limit allows, each as long as `latencyMs` says. */
function drive(
  limit: ReturnType<typeof createAdaptiveLimit>,
  fromMs: number,
  seconds: number,
  latencyMs: (call: number) => number,
) {
  let nowMs = fromMs;
  for (let call = 0; nowMs < fromMs + seconds * 1_000; call += 1) {
    nowMs += 2;
    limit.record(latencyMs(call), limit.limit, 'answered', nowMs);
  }
  return nowMs;
}

describe('an adaptive limit', () => {
  it('falls while calls are slow and is back within ten seconds', () => {
    const limit = createAdaptiveLimit({ initial: 20, min: 4, max: 100 });
    let nowMs = drive(limit, 0, 30, () => 10);
    const before = limit.limit;
    nowMs = drive(limit, nowMs, 5, () => 100);
    assert.ok(limit.limit < before / 2, `${before} → ${limit.limit}`);
    drive(limit, nowMs, 10, () => 10);
    assert.ok(limit.limit >= before * 0.9, `${before} → ${limit.limit}`);
  });

  it('does not get used to an overload', () => {
    const limit = createAdaptiveLimit({ initial: 200, min: 10, max: 200 });
    let nowMs = 0;
    for (let call = 0; call < 2_000; call += 1) {
      nowMs += 5;
      limit.record(10, 20, 'answered', nowMs);
    }
    // Latency by Little's law: what is done takes 10 ms each on one processor, and everything that is let in waits.
    drive(limit, nowMs, 120, () => limit.limit * 10);
    assert.ok(limit.limit < 30, `${limit.limit}`);
  });

  it('is not moved by a few calls that take a quick path', () => {
    const limit = createAdaptiveLimit({ initial: 50, max: 50 });
    drive(limit, 0, 20, (call) => (call % 100 === 0 ? 0.01 : 10));
    assert.equal(limit.limit, 50);
  });

  it('does not drift while there is little to do', () => {
    const limit = createAdaptiveLimit({ initial: 50 });
    for (let nowMs = 0; nowMs < 600_000; nowMs += 100) limit.record(10 + (nowMs % 300), 2, 'answered', nowMs);
    assert.equal(limit.limit, 50);
  });

  it('stays within its bounds whatever it is told', () => {
    const call = fc.record({
      latencyMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
      inFlight: fc.nat(2_000),
      outcome: fc.constantFrom('answered' as const, 'dropped' as const),
      waitMs: fc.nat(500),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 400 }), (calls) => {
        const limit = createAdaptiveLimit({ initial: 20, min: 5, max: 60 });
        let nowMs = 0;
        for (const { latencyMs, inFlight, outcome, waitMs } of calls) {
          nowMs += waitMs;
          limit.record(latencyMs, inFlight, outcome, nowMs);
          assert.ok(limit.limit >= 5 && limit.limit <= 60);
        }
      }),
    );
  });
});

describe('a rate limiter', () => {
  it('never lets more through in any span of time than burst and rate say, and never less', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(400), { maxLength: 300 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 10 }),
        (waits, perSecond, burst) => {
          const limiter = createRateLimiter({ perSecond, burst });
          const admitted: number[] = [];
          let nowMs = 0;
          for (const waitMs of waits) {
            nowMs += waitMs;
            const afterMs = limiter.admit('one', nowMs);
            if (afterMs === 0) admitted.push(nowMs);
            else assert.equal(createCopy(limiter, nowMs + afterMs + 0.001), 0, 'it says when');
          }
          for (let from = 0; from < admitted.length; from += 1) {
            for (let to = from; to < admitted.length; to += 1) {
              const spanMs = (admitted[to] ?? 0) - (admitted[from] ?? 0);
              assert.ok(to - from + 1 <= burst + (spanMs * perSecond) / 1_000 + 1e-6);
            }
          }
          /** Asks without leaving a trace in what is tested: a refusal counts nothing, an admission is the last one. */
          function createCopy(asked: typeof limiter, atMs: number): number {
            const answer = asked.admit('one', atMs);
            if (answer === 0) {
              admitted.push(atMs);
              nowMs = Math.max(nowMs, atMs);
            }
            return answer;
          }
        },
      ),
    );
  });

  it('keeps owners apart and does not grow without end', () => {
    const limiter = createRateLimiter({ perSecond: 1 });
    assert.equal(limiter.admit('a', 0), 0);
    assert.ok(limiter.admit('a', 0) > 0);
    assert.equal(limiter.admit('b', 0), 0);
    for (let owner = 0; owner < 100_500; owner += 1) limiter.admit(`owner ${owner}`, 1);
    assert.ok(limiter.size <= 100_000);
  });
});

describe('a latency tracker', () => {
  it('knows quantiles to an eighth', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.1, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 400 }),
        fc.constantFrom(0.1, 0.5, 0.95, 1),
        (durations, quantile) => {
          const tracker = createLatencyTracker();
          for (const ms of durations) tracker.add(ms);
          const sorted = durations.toSorted((a, b) => a - b);
          const exact = sorted[Math.ceil(sorted.length * quantile - 1e-9) - 1] ?? 0;
          const told = tracker.quantileMs(quantile);
          assert.ok(told >= exact * 0.999 && told <= exact * 1.1, `${told} for ${exact}`);
        },
      ),
    );
  });

  it('forgets what was long ago', () => {
    const tracker = createLatencyTracker();
    for (let call = 0; call < 5_000; call += 1) tracker.add(1_000);
    for (let call = 0; call < 10_000; call += 1) tracker.add(1);
    assert.ok(tracker.quantileMs(0.95) < 2);
  });
});

describe('shedding', () => {
  const isShed = createShedding({
    maxInFlight: () => 100,
    maxLoopDelayMs: 100,
    loopDelayMs: () => loopDelayMs,
  });
  let loopDelayMs = 0;

  it('lets the least important go first', () => {
    loopDelayMs = 0;
    assert.deepEqual(
      [79, 80, 100, 120].map((inFlight) =>
        (['sheddable', 'normal', 'critical'] as const).filter((priority) => isShed(priority, inFlight)),
      ),
      [[], ['sheddable'], ['sheddable', 'normal'], ['sheddable', 'normal', 'critical']],
    );
  });

  it('allows less while the event loop is late, and always something', () => {
    loopDelayMs = 400;
    assert.equal(isShed('normal', 25), true);
    assert.equal(isShed('normal', 24), false);
    assert.equal(isShed('sheddable', 15), false);
  });

  it('believes a claim only downwards', () => {
    assert.equal(lowerPriority('critical', 'sheddable'), 'sheddable');
    assert.equal(lowerPriority('sheddable', 'critical'), 'sheddable');
    assert.equal(lowerPriority('normal', 'anything'), 'normal');
    assert.equal(lowerPriority('normal', undefined), 'normal');
  });
});

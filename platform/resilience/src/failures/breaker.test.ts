import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type BreakerState, type CallOutcome, createBreaker } from './breaker.ts';

const OPEN_MS = 5_000;

function failTimes(breaker: ReturnType<typeof createBreaker>, times: number, nowMs: number): void {
  for (let index = 0; index < times; index += 1) breaker.record(breaker.admit(nowMs), 'failed', nowMs);
}

describe('a breaker', () => {
  it('opens by failures in a row, however seldom calls are', () => {
    const breaker = createBreaker({ consecutiveFailures: 3 });
    for (let call = 0; call < 3; call += 1) {
      assert.equal(breaker.state, 'closed');
      breaker.record(breaker.admit(call * 10_000), 'failed', call * 10_000);
    }
    assert.equal(breaker.state, 'open');
    assert.equal(breaker.admit(20_001), 0);
  });

  it('opens by the share of failures, from the least number of calls on', () => {
    const breaker = createBreaker({ failureRatio: 0.5, minimumCalls: 20 });
    failTimes(breaker, 19, 0);
    assert.equal(breaker.state, 'closed');
    failTimes(breaker, 1, 0);
    assert.equal(breaker.state, 'open');
  });

  it('forgets failures with their window', () => {
    const breaker = createBreaker({ failureRatio: 0.5, minimumCalls: 5, windowMs: 10_000 });
    failTimes(breaker, 4, 0);
    failTimes(breaker, 1, 3_600_000);
    assert.equal(breaker.state, 'closed');
  });

  it('lets exactly as many trials through as it says, however many come at once', () => {
    const breaker = createBreaker({ consecutiveFailures: 1, openMs: OPEN_MS, trials: 3 });
    failTimes(breaker, 1, 0);
    const permits = Array.from({ length: 1_000 }, () => breaker.admit(OPEN_MS)).filter((one) => one > 0);
    assert.equal(permits.length, 3);
    for (const permit of permits) breaker.record(permit, 'answered', OPEN_MS);
    assert.equal(breaker.state, 'closed');
  });

  it('gives the permit of a trial without a result to the next call', () => {
    const breaker = createBreaker({ consecutiveFailures: 1, openMs: OPEN_MS });
    failTimes(breaker, 1, 0);
    const trial = breaker.admit(OPEN_MS);
    assert.equal(breaker.admit(OPEN_MS), 0);
    breaker.record(trial, 'abandoned', OPEN_MS);
    breaker.record(breaker.admit(OPEN_MS), 'answered', OPEN_MS);
    assert.equal(breaker.state, 'closed');
  });

  it('is not moved by results of an earlier state, and counts them', () => {
    const breaker = createBreaker({ consecutiveFailures: 1, openMs: OPEN_MS });
    const late = [breaker.admit(0), breaker.admit(0)];
    failTimes(breaker, 1, 0);
    const trial = breaker.admit(OPEN_MS);
    breaker.record(late[0] ?? 0, 'answered', OPEN_MS);
    breaker.record(late[1] ?? 0, 'failed', OPEN_MS);
    assert.equal(breaker.state, 'half-open');
    assert.equal(breaker.stale, 2);
    breaker.record(trial, 'answered', OPEN_MS);
    assert.equal(breaker.state, 'closed');
  });

  it('lets calls back by and by, and all of them while there are few', () => {
    let random = 0.5;
    const breaker = createBreaker(
      { consecutiveFailures: 1, openMs: OPEN_MS, rampMs: 10_000 },
      undefined,
      () => random,
    );
    failTimes(breaker, 1, 0);
    breaker.record(breaker.admit(OPEN_MS), 'answered', OPEN_MS);
    const few = Array.from({ length: 5 }, () => breaker.admit(OPEN_MS));
    assert.ok(few.every((permit) => permit > 0));
    assert.equal(breaker.admit(OPEN_MS), 0, 'half are too many at the beginning');
    random = 0.05;
    assert.ok(breaker.admit(OPEN_MS) > 0, 'a tenth is not');
    random = 0.99;
    assert.ok(breaker.admit(OPEN_MS + 10_000) > 0, 'after the ramp everybody is let through');
  });

  it('keeps its rules whatever happens', () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 4_000 }),
      act: fc.constantFrom('admit', 'answered', 'failed', 'abandoned'),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 4 }), (steps, trials) => {
        const watched = watchBreaker(trials);
        for (const one of steps) {
          watched.wait(one.waitMs);
          if (one.act === 'admit') watched.admit();
          else watched.end(one.which, one.act as 'answered');
          assert.ok(watched.trialsOut() <= trials);
        }
      }),
    );
  });
});

/** A breaker that is asked and told at random, each time with what must hold. */
function watchBreaker(trials: number) {
  const changes: BreakerState[] = [];
  const breaker = createBreaker({ consecutiveFailures: 3, openMs: OPEN_MS, trials }, (state) =>
    changes.push(state),
  );
  const out: { readonly permit: number; readonly era: number }[] = [];
  let nowMs = 0;
  let openedAtMs = 0;
  return {
    wait: (ms: number) => {
      nowMs += ms;
    },
    admit: () => {
      const before = changes.length;
      const permit = breaker.admit(nowMs);
      if (permit > 0) out.push({ permit, era: changes.length });
      if (breaker.state === 'open') assert.equal(permit, 0);
      if (changes.length > before) assert.ok(nowMs >= openedAtMs + OPEN_MS, 'not before its time');
    },
    end: (which: number, outcome: CallOutcome) => {
      const before = changes.length;
      const [ended] = out.splice(which % Math.max(1, out.length), 1);
      if (ended === undefined) return;
      breaker.record(ended.permit, outcome, nowMs);
      if (ended.era !== before) assert.equal(changes.length, before, 'a late result changes nothing');
      if (breaker.state === 'open' && changes.length > before) openedAtMs = nowMs;
    },
    trialsOut: () =>
      breaker.state === 'half-open' ? out.filter(({ era }) => era === changes.length).length : 0,
  };
}

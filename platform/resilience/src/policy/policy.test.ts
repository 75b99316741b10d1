import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { newTrace, runInContext } from '@flotilla/telemetry';
import fc from 'fast-check';
import { createVirtualTimers, type VirtualTimers } from '../testing.ts';
import { policy } from './policy.ts';
import type { Attempt, PolicyOptions } from './policy-options.ts';

const away = (details = {}) => new PlatformError('HTTP_UNAVAILABLE', 'away', { retryable: true, details });
const code = (expected: string) => (error: unknown) =>
  error instanceof PlatformError && error.code === expected;

function setUp(options: Partial<PolicyOptions> = {}, random = () => 0.5) {
  const timers = createVirtualTimers();
  return { timers, call: policy({ name: 'a→b', timers, random, ...options }) };
}

/** Work that ends after so long, and says how often it was begun. */
function lasting(timers: VirtualTimers, ms: number, outcome: () => unknown = () => 'done') {
  const attempts: Attempt[] = [];
  const work = (attempt: Attempt) => {
    attempts.push(attempt);
    return new Promise<unknown>((resolve, reject) => {
      timers.after(ms, () => {
        const value = outcome();
        if (value instanceof Error) reject(value);
        else resolve(value);
      });
    });
  };
  return { work, attempts };
}

describe('a call under a policy', () => {
  it('is released at its deadline although the work goes on, whose slot stays taken until it ends', async () => {
    const { timers, call } = setUp({ deadlineMs: 50 });
    const { work, attempts } = lasting(timers, 400);
    const ended = assert.rejects(call(work), code('RESILIENCE_DEADLINE'));
    await timers.advance(50);
    await ended;
    assert.deepEqual([call.state().running, call.state().zombies, call.state().deadlines], [1, 1, 1]);
    assert.ok(attempts[0]?.signal.aborted);
    await timers.advance(350);
    assert.deepEqual([call.state().running, call.state().zombies], [0, 0]);
  });

  it('has no more time than the request that it belongs to', async () => {
    const { call } = setUp();
    let remaining = 0;
    const context = { trace: newTrace(), deadlineAt: performance.now() + 100 };
    await runInContext(context, () =>
      call(async (attempt) => {
        remaining = attempt.remainingMs();
      }),
    );
    assert.ok(remaining > 0 && remaining <= 100);
    const late = { trace: newTrace(), deadlineAt: performance.now() };
    await assert.rejects(
      runInContext(late, () => call(() => assert.fail('is not begun'))),
      code('RESILIENCE_DEADLINE'),
    );
  });

  it('is not begun when hardly any has been done in the time that is left', async () => {
    const { timers, call } = setUp({ deadlineMs: 1_000 });
    const { work, attempts } = lasting(timers, 100);
    for (let index = 0; index < 100; index += 1) {
      const done = call(work);
      await timers.advance(100);
      await done;
    }
    await assert.rejects(call(work, { deadlineMs: 20 }), code('RESILIENCE_DEADLINE'));
    assert.equal(attempts.length, 100);
    assert.equal(call.state().hopeless, 1);
  });

  it('is repeated when it may be, within its budget, and in the context of its request', async () => {
    const { timers, call } = setUp();
    const traces: unknown[] = [];
    const trace = newTrace();
    const result = runInContext({ trace }, () =>
      call(
        async ({ number }) => {
          const { currentContext } = await import('@flotilla/telemetry');
          traces.push(currentContext()?.trace);
          if (number < 3) throw away();
          return number;
        },
        { repeatable: true },
      ),
    );
    while (traces.length < 3) await timers.advance(10);
    assert.equal(await result, 3);
    assert.deepEqual(traces, [trace, trace, trace]);
  });

  it('is never repeated when it may have been carried out and must not be twice', async () => {
    const { call } = setUp();
    await assert.rejects(
      call(async () => {
        throw away();
      }),
      code('HTTP_UNAVAILABLE'),
    );
    assert.equal(call.state().attempts, 1);
  });

  it('is repeated whatever it is when it reached nobody, elsewhere', async () => {
    const { timers, call } = setUp();
    const avoided: string[][] = [];
    const result = call(async (attempt) => {
      avoided.push([...attempt.avoid]);
      attempt.aim(`instance ${attempt.number}`);
      if (attempt.number < 3) throw away({ sent: false });
      return 'done';
    });
    await timers.advance(1_000);
    assert.equal(await result, 'done');
    assert.deepEqual(avoided, [[], ['instance 1'], ['instance 1', 'instance 2']]);
  });

  it('is repeated by nobody when somebody above repeats it', async () => {
    const { timers, call } = setUp();
    const repeated = runInContext({ trace: newTrace(), retryAttempt: 1 }, () =>
      call(() => Promise.reject(away()), { repeatable: true }),
    );
    await assert.rejects(repeated, code('HTTP_UNAVAILABLE'));
    assert.equal(call.state().attempts, 1);
    assert.equal(timers.pending, 0);
  });

  it('is not repeated when a hop further down has had the say', async () => {
    const { call } = setUp();
    await assert.rejects(call(() => Promise.reject(away({ retryOwner: 'b' })), { repeatable: true }));
    assert.equal(call.state().attempts, 1);
  });

  it('waits as long as it was told, and gives up at once when that is too long', async () => {
    const { timers, call } = setUp({ deadlineMs: 5_000 });
    const times: number[] = [];
    const result = call(
      async ({ number }) => {
        times.push(timers.nowMs);
        if (number === 1) throw away({ retryAfterMs: 2_000 });
        return 'done';
      },
      { repeatable: true },
    );
    await timers.advance(3_000);
    assert.equal(await result, 'done');
    const waitedMs = (times[1] ?? 0) - (times[0] ?? 0);
    assert.ok(waitedMs > 2_000 && waitedMs < 2_100, `${waitedMs}`);
    const hopeless = call(() => Promise.reject(away({ retryAfterMs: 3_600_000 })), { repeatable: true });
    await assert.rejects(hopeless, code('HTTP_UNAVAILABLE'));
  });

  for (const refused of ['overload', 'deadline', 'circuit'] as const) {
    it(`is neither repeated nor held against the service when refused for ${refused}`, async () => {
      const { call } = setUp({ breaker: { consecutiveFailures: 1 } });
      const work = () => Promise.reject(away({ refused }));
      for (let index = 0; index < 5; index += 1) await assert.rejects(call(work, { repeatable: true }));
      assert.deepEqual([call.state().attempts, call.state().breaker], [5, 'closed']);
    });
  }

  it('goes elsewhere when refused for draining', async () => {
    const { timers, call } = setUp();
    const result = call(async ({ number }) => {
      if (number === 1) throw away({ refused: 'draining' });
      return number;
    });
    await timers.advance(20);
    assert.equal(await result, 2);
  });

  it('is cut by its caller, and its permit of the breaker is given back', async () => {
    const { timers, call } = setUp({
      breaker: { consecutiveFailures: 1, openMs: 100, openJitter: 0, trials: 1 },
    });
    await assert.rejects(call(() => Promise.reject(away())));
    await timers.advance(100);
    const controller = new AbortController();
    const trial = call(lasting(timers, 1_000).work, { signal: controller.signal });
    await assert.rejects(
      call(async () => 1),
      code('RESILIENCE_CIRCUIT_OPEN'),
    );
    controller.abort();
    await assert.rejects(trial, code('RESILIENCE_CANCELLED'));
    assert.equal(await call(async () => 1), 1);
    assert.equal(call.state().breaker, 'closed');
  });

  it('takes a throw on the spot for a failure like any other', async () => {
    const { call } = setUp({ breaker: { consecutiveFailures: 1 } });
    await assert.rejects(
      call(() => {
        throw new Error('on the spot');
      }),
      /on the spot/,
    );
    assert.deepEqual([call.state().breaker, call.state().running], ['open', 0]);
  });

  it('has its fallback for faults, and not for answers', async () => {
    const { call } = setUp();
    assert.equal(await call(() => Promise.reject(away()), { fallback: () => 'old' }), 'old');
    const refusal = new PlatformError('HTTP_UNEXPECTED_STATUS', '404');
    await assert.rejects(
      call(() => Promise.reject(refusal), { fallback: () => 'old' }),
      refusal,
    );
  });

  it('shares its result with equal calls, each with a deadline of its own', async () => {
    const { timers, call } = setUp();
    const { work, attempts } = lasting(timers, 100);
    const first = call(work, { key: 'k' });
    const second = call(work, { key: 'k' });
    const impatient = assert.rejects(call(work, { key: 'k', deadlineMs: 10 }), code('RESILIENCE_DEADLINE'));
    await timers.advance(100);
    await impatient;
    assert.deepEqual([await first, await second, attempts.length], ['done', 'done', 1]);
    assert.equal(call.state().coalesced, 2);
  });

  it('waits for a slot and is refused when that takes too long', async () => {
    const { timers, call } = setUp({ bulkhead: { maxConcurrent: 1, maxQueued: 1, maxWaitMs: 100 } });
    const { work } = lasting(timers, 400);
    const first = call(work);
    const second = assert.rejects(call(work), code('RESILIENCE_OVERLOADED'));
    await assert.rejects(call(work), code('RESILIENCE_OVERLOADED'));
    await timers.advance(100);
    await second;
    await timers.advance(300);
    assert.equal(await first, 'done');
    assert.equal(call.state().overloads, 2);
  });

  it('is limited in its rate', async () => {
    const { call } = setUp({ rate: { perSecond: 10, burst: 2 } });
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => call(async () => 1)));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 2);
  });

  it('may have a longest attempt, after which another one is made', async () => {
    const { timers, call } = setUp({ attemptMs: 100 });
    let slow = true;
    const result = call(
      () => {
        const ms = slow ? 10_000 : 1;
        slow = false;
        return lasting(timers, ms).work({} as Attempt);
      },
      { repeatable: true },
    );
    await timers.advance(300);
    assert.equal(await result, 'done');
    assert.equal(call.state().zombies, 1);
  });
});

describe('a hedge', () => {
  async function learnt(options: Partial<PolicyOptions> = {}) {
    const { timers, call } = setUp({ hedge: {}, ...options });
    for (let index = 0; index < 200; index += 1) {
      const done = call(lasting(timers, 10).work, { repeatable: true });
      await timers.advance(10);
      await done;
    }
    return { timers, call };
  }

  it('starts elsewhere when the first attempt is slow; the quicker one counts, the other one is cut', async () => {
    const { timers, call } = await learnt();
    const seen: { readonly number: number; readonly avoid: string[] }[] = [];
    const reasons: Error[] = [];
    const result = call(
      (attempt) => {
        seen.push({ number: attempt.number, avoid: [...attempt.avoid] });
        attempt.aim(`i${attempt.number}`);
        attempt.onCancel((reason) => reasons.push(reason));
        return lasting(timers, attempt.isHedge ? 5 : 1_000, () => attempt.number).work(attempt);
      },
      { repeatable: true },
    );
    await timers.advance(40);
    assert.equal(await result, 2);
    assert.deepEqual(seen, [
      { number: 1, avoid: [] },
      { number: 2, avoid: ['i1'] },
    ]);
    assert.equal(reasons.length, 1);
    assert.deepEqual([call.state().hedges, call.state().hedgesWon, call.state().zombies], [1, 1, 1]);
    await timers.advance(1_000);
    assert.deepEqual([call.state().running, call.state().zombies], [0, 0]);
  });

  it('is not made of what must not be done twice', async () => {
    const { timers, call } = await learnt();
    const { work, attempts } = lasting(timers, 100);
    const result = call(work);
    await timers.advance(100);
    await result;
    assert.equal(attempts.length, 1);
  });

  it('stays within its share; without one, the failure of the first attempt ends the call at once', async () => {
    const { timers, call } = await learnt({ hedge: { percent: 1 }, retry: false });
    for (let index = 0; index < 100; index += 1) {
      const slow = call(lasting(timers, 100).work, { repeatable: true });
      await timers.advance(100);
      await slow;
    }
    assert.ok(call.state().hedges <= 4, `${call.state().hedges}`);
    const failing = call(lasting(timers, 20, () => away()).work, { repeatable: true });
    const ended = assert.rejects(failing, code('HTTP_UNAVAILABLE'));
    await timers.advance(20);
    await ended;
  });

  it('is waited for when the first attempt fails meanwhile', async () => {
    const { timers, call } = await learnt({ retry: false });
    const result = call(
      (attempt) =>
        lasting(timers, attempt.isHedge ? 50 : 20, () => (attempt.isHedge ? 'second' : away())).work(attempt),
      { repeatable: true },
    );
    await timers.advance(100);
    assert.equal(await result, 'second');
  });
});

describe('amplification', () => {
  it('is at most 1.1 attempts a request over three hops with a dead one at the bottom', async () => {
    const timers = createVirtualTimers();
    const hop = (name: string) =>
      policy({ name, timers, breaker: false, bulkhead: { maxConcurrent: 10_000 } });
    const [gateway, first, second] = [hop('gateway→a'), hop('a→b'), hop('b→c')];
    let reached = 0;
    /** What a host makes of a fault that came from a service further down. */
    const served = async (owner: string, work: () => Promise<unknown>) => {
      try {
        return await work();
      } catch (error) {
        const details = error instanceof PlatformError ? error.details : {};
        throw away({ ...details, retryOwner: details['retryOwner'] ?? owner });
      }
    };
    const bottom = async () => {
      reached += 1;
      throw away();
    };
    const repeatable = { repeatable: true };
    const request = () =>
      gateway(
        () => served('a', () => first(() => served('b', () => second(bottom, repeatable)), repeatable)),
        repeatable,
      );
    const requests = Array.from({ length: 1_000 }, () => assert.rejects(request()));
    await timers.advance(10_000);
    await Promise.all(requests);
    assert.ok(reached <= 1_103, `${reached} attempts for 1,000 requests`);
    assert.ok(reached > 1_000, 'nothing was repeated at all');
  });
});

describe('whatever happens under a policy', () => {
  const job = fc.record({
    waitMs: fc.nat(120),
    tookMs: fc.nat(400),
    outcome: fc.constantFrom('good', 'good', 'good', 'away', 'unsent', 'overload', 'draining', 'refused'),
    repeatable: fc.boolean(),
    cutMs: fc.option(fc.nat(300)),
    key: fc.option(fc.constantFrom('x', 'y')),
  });

  it('every call ends once and by its deadline, slots and timers are given back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(job, { maxLength: 40 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (jobs, dice) => {
          const { timers, call } = setUp(
            {
              deadlineMs: 300,
              attemptMs: 150,
              bulkhead: { maxConcurrent: 3, maxQueued: 2, maxWaitMs: 50 },
              breaker: { consecutiveFailures: 4, openMs: 200, rampMs: 200 },
              hedge: { minimumSamples: 3, percent: 50 },
            },
            () => dice,
          );
          const ended: Promise<void>[] = [];
          let running = 0;
          for (const { waitMs, tookMs, outcome, repeatable, cutMs, key } of jobs) {
            await timers.advance(waitMs);
            const controller = new AbortController();
            if (cutMs !== null) timers.after(cutMs, () => controller.abort());
            const startedAtMs = timers.nowMs;
            const end = () => assert.ok(timers.nowMs - startedAtMs <= 300, 'by its deadline');
            const work = async (attempt: Attempt) => {
              running += 1;
              assert.ok(running <= 3, 'no more than there are slots');
              try {
                return await lasting(timers, tookMs, () => failureOf(outcome) ?? 'done').work(attempt);
              } finally {
                running -= 1;
              }
            };
            ended.push(
              call(work, { repeatable, signal: controller.signal, ...(key !== null && { key }) }).then(
                end,
                end,
              ),
            );
          }
          await timers.advance(2_000);
          await Promise.all(ended);
          const { running: slots, zombies, queued } = call.state();
          assert.deepEqual(
            { slots, zombies, queued, running },
            { slots: 0, zombies: 0, queued: 0, running: 0 },
          );
          assert.equal(timers.pending, 0);
        },
      ),
      { numRuns: 60 },
    );
  });

  function failureOf(outcome: string): Error | undefined {
    if (outcome === 'good') return undefined;
    if (outcome === 'refused') return new PlatformError('HTTP_UNEXPECTED_STATUS', '404');
    if (outcome === 'away') return away();
    return away(outcome === 'unsent' ? { sent: false } : { refused: outcome });
  }
});

describe('a thousand calls', () => {
  it('leave no timer and no listener behind', async () => {
    const { timers, call } = setUp();
    const parent = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = parent.signal;
    parent.signal.addEventListener = function add(...args: Parameters<typeof addEventListener>) {
      listeners += 1;
      addEventListener.apply(this, args);
    };
    parent.signal.removeEventListener = function remove(...args: Parameters<typeof removeEventListener>) {
      listeners -= 1;
      removeEventListener.apply(this, args);
    };
    for (let index = 0; index < 1_000; index += 1) await call(async () => index, { signal: parent.signal });
    assert.equal(timers.pending, 0);
    assert.equal(listeners, 0);
  });
});

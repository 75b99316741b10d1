import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFailureWindow, createRetryBudget } from '@flotilla/resilience';
import type { BreakerConfig } from '../policies/circuit-breaker/config.ts';
import type { CallOutcome } from './backends.ts';
import { type Breaker, createBreaker } from './breaker.ts';

const COUNT: BreakerConfig = {
  route: '/x',
  minimumThroughput: 3,
  breakMs: 1000,
  failureRatio: undefined,
  samplingMs: 10_000,
};

function start(more: Partial<BreakerConfig> = {}) {
  const states: string[] = [];
  const breaker = createBreaker({ ...COUNT, ...more }, (state) => states.push(state));
  return { breaker, states };
}

function call(breaker: Breaker, outcome: CallOutcome, nowMs = 0): boolean {
  const permit = breaker.admit(nowMs);
  if (permit > 0) breaker.record(permit, outcome, nowMs);
  return permit > 0;
}

describe('the circuit breaker', () => {
  it('opens after so many consecutive failures, and says for which route', () => {
    const { breaker } = start();
    for (const outcome of ['failed', 'failed', 'answered', 'not-connected', 'failed'] as const)
      assert.ok(call(breaker, outcome));
    assert.equal(breaker.state, 'closed');
    assert.ok(call(breaker, 'failed'));
    assert.equal(breaker.state, 'open');
    assert.equal(breaker.admit(999), 0);
    assert.equal(breaker.refusal.status, 503);
    assert.equal(breaker.refusal.text, 'Circuit breaker is open for route -> /x');
  });

  it('lets one request through after the break: its success closes, its failure opens for as long again', () => {
    const { breaker, states } = start();
    for (let count = 0; count < 3; count += 1) call(breaker, 'failed');
    const trial = breaker.admit(1000);
    assert.ok(trial > 0);
    assert.equal(breaker.admit(1000), 0, 'one at a time');
    breaker.record(trial, 'failed', 1500);
    assert.equal(breaker.admit(2499), 0);
    assert.ok(call(breaker, 'answered', 2500));
    assert.equal(breaker.state, 'closed');
    assert.ok(call(breaker, 'failed', 2500), 'and the count starts anew');
    assert.deepEqual(states, ['open', 'half-open', 'open', 'half-open', 'closed']);
  });

  it('takes the next request for the trial when the client of the first one went away', () => {
    const { breaker } = start();
    for (let count = 0; count < 3; count += 1) call(breaker, 'failed');
    assert.ok(call(breaker, 'abandoned', 1000));
    assert.equal(breaker.state, 'half-open');
    assert.ok(call(breaker, 'answered', 1001));
    assert.equal(breaker.state, 'closed');
  });

  it('does not take the late result of an earlier request for that of the trial', () => {
    const { breaker } = start();
    const [slow, slower] = [breaker.admit(0), breaker.admit(0)];
    for (let count = 0; count < 3; count += 1) call(breaker, 'failed');
    breaker.record(slow, 'answered', 10);
    assert.equal(breaker.state, 'open');
    const trial = breaker.admit(1000);
    breaker.record(slower, 'answered', 1001);
    assert.equal(breaker.state, 'half-open');
    breaker.record(trial, 'answered', 1002);
    assert.equal(breaker.state, 'closed');
  });

  it('learns nothing from requests whose clients went away', () => {
    const { breaker } = start();
    call(breaker, 'failed');
    call(breaker, 'failed');
    call(breaker, 'abandoned');
    call(breaker, 'failed');
    assert.equal(breaker.state, 'open', 'they neither count nor interrupt');
  });

  it('by ratio: opens at a failure, with enough requests in the window', () => {
    const { breaker } = start({ minimumThroughput: 4, failureRatio: 0.5 });
    call(breaker, 'failed', 0);
    call(breaker, 'failed', 0);
    call(breaker, 'answered', 0);
    call(breaker, 'answered', 0);
    assert.equal(breaker.state, 'closed', 'a success does not open it, whatever the ratio');
    call(breaker, 'failed', 0);
    assert.equal(breaker.state, 'open');
  });

  it('by ratio: what is older than the window does not count', () => {
    const { breaker } = start({ minimumThroughput: 4, failureRatio: 0.5 });
    for (let count = 0; count < 3; count += 1) call(breaker, 'failed', 0);
    call(breaker, 'failed', 10_001);
    assert.equal(breaker.state, 'closed');
    for (let count = 0; count < 3; count += 1) call(breaker, 'failed', 10_001);
    assert.equal(breaker.state, 'open');
  });
});

describe('the failure window', () => {
  it('says what a list of all calls says, to a twentieth of the window', () => {
    let seed = 42;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const window = createFailureWindow(1000);
    const all: { readonly atMs: number; readonly failed: boolean }[] = [];
    let nowMs = 0;
    for (let count = 0; count < 3_000; count += 1) {
      nowMs += random(random(20) === 0 ? 1_500 : 40);
      const failed = random(3) === 0;
      window.add(failed, nowMs);
      all.push({ atMs: nowMs, failed });
      const from = Math.floor(nowMs / 50) * 50 - 950;
      const inside = all.filter(({ atMs }) => atMs >= from);
      assert.equal(window.calls, inside.length);
      assert.equal(window.failures, inside.filter((one) => one.failed).length);
    }
  });
});

describe('the retry budget', () => {
  it('allows a share of the requests and a few a second', () => {
    const budget = createRetryBudget(20);
    const spend = (nowMs: number) => {
      let spent = 0;
      while (budget.spend(nowMs)) spent += 1;
      return spent;
    };
    assert.equal(spend(0), 3);
    assert.equal(spend(0), 0);
    assert.equal(spend(400), 1);
    for (let count = 0; count < 50; count += 1) budget.earn();
    assert.equal(spend(400), 10);
    for (let count = 0; count < 10_000; count += 1) budget.earn();
    assert.equal(spend(400), 100, 'savings are bounded');
    assert.equal(spend(60_000), 3, 'and so is the gift');
  });

  it('0 % is none', () => {
    const budget = createRetryBudget(0);
    budget.earn();
    assert.equal(budget.spend(0), false);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sample } from './measure.ts';
import type { SloConfig } from './objectives.ts';
import { createSloWatch } from './watch.ts';

const SLOS: Readonly<Record<string, SloConfig>> = {
  up: { indicator: 'availability', service: 'gateway', objective: 0.99, description: 'answered' },
  outbox: { indicator: 'outbox-age', withinSeconds: 10, objective: 0.9, description: 'sent' },
};
const MINUTE_MS = 60_000;

const served = (status: string, value: number): Sample => ({
  metric: 'http_server_request_duration_seconds_count',
  labels: { job: 'gateway', http_response_status_code: status },
  value,
});
const age = (value: number): Sample => ({
  metric: 'messaging_outbox_oldest_age_seconds',
  labels: { job: 'order' },
  value,
});
const said = (...samples: readonly Sample[]) => [{ service: 'gateway', instance: 'gateway-1', samples }];

describe('objectives that are watched', () => {
  const stateOf = (watch: ReturnType<typeof createSloWatch>, name: string) => {
    const found = watch.states().find((one) => one.name === name);
    assert.ok(found);
    return found;
  };
  const rates = (watch: ReturnType<typeof createSloWatch>, name = 'up') =>
    stateOf(watch, name).burns.map(({ rate }) => rate && Number(rate.toFixed(3)));

  it('burn nothing before anything has happened', () => {
    const watch = createSloWatch(SLOS);
    assert.deepEqual(rates(watch), [null, null, null]);
    watch.take(said(served('200', 1_000), served('500', 500)), 0);
    assert.deepEqual(rates(watch), [null, null, null]);
    assert.equal(stateOf(watch, 'up').alert, null);
    assert.ok((stateOf(watch, 'up').budgetLeft ?? 0) < 0, 'what was counted before is in the budget');
  });

  it('burn by what came in each window, and call somebody when two windows burn', () => {
    const watch = createSloWatch(SLOS);
    watch.take(said(served('200', 100), served('500', 0)), 0);
    watch.take(said(served('200', 1_090), served('500', 10)), 50 * MINUTE_MS);
    assert.deepEqual(rates(watch), [null, 1, 1]);
    watch.take(said(served('200', 1_140), served('500', 60)), 54 * MINUTE_MS);
    assert.deepEqual(rates(watch), [50, 5.455, 5.455]);
    assert.equal(stateOf(watch, 'up').alert, null, 'the hour is within 14.4, the half hour is not over six');
    watch.take(said(served('200', 1_240), served('500', 360)), 55 * MINUTE_MS);
    assert.equal(stateOf(watch, 'up').alert, 'page');
  });

  it('count on when a process begins anew', () => {
    const watch = createSloWatch(SLOS);
    watch.take(said(served('200', 90), served('500', 10)), 0);
    watch.take(said(served('200', 99), served('500', 11)), MINUTE_MS);
    watch.take(said(served('200', 8), served('500', 2)), 2 * MINUTE_MS);
    assert.deepEqual(rates(watch)[0], 15, '3 of 20 instead of 1 %');
  });

  it('count a level by how often it was too high', () => {
    const watch = createSloWatch(SLOS);
    for (const [minute, seconds] of [1, 2, 30, 3, 4].entries())
      watch.take(said(age(seconds)), minute * MINUTE_MS);
    assert.equal(rates(watch, 'outbox')[0], 2.5, '1 of 4 instead of a tenth');
  });
});

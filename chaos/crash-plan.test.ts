import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crashesByService, describeRun, planCrashes, planPairs, planRecoveries } from './crash-plan.ts';
import { parseTrace } from './crash-trace.ts';

const sold = parseTrace(
  'order saga.after-call\npayment payment.after-provider-call\norder saga.after-call\n',
);
const refused = parseTrace('order saga.after-call\norder saga.after-undo\n');
const discovered = new Map([
  ['sold', sold],
  ['refused', refused],
]);
const planned = (extent: Parameters<typeof planCrashes>[1]) =>
  planCrashes(discovered, extent).map(describeRun);

describe('the plan of crashes', () => {
  it('counts the passes of a point in each service', () => {
    assert.deepEqual(
      sold.map(({ service, occurrence }) => [service, occurrence]),
      [
        ['order', 1],
        ['payment', 1],
        ['order', 2],
      ],
    );
  });

  it('takes every point once, in the first flow that passes it', () => {
    assert.deepEqual(planned('each-point'), [
      'sold: order at saga.after-call',
      'sold: payment at payment.after-provider-call',
      'refused: order at saga.after-undo',
    ]);
  });

  it('takes every point of every flow', () => {
    assert.deepEqual(planned('each-flow').slice(2), [
      'refused: order at saga.after-call',
      'refused: order at saga.after-undo',
    ]);
  });

  it('takes every pass', () => {
    assert.equal(planned('every-pass').length, 5);
    assert.equal(planned('every-pass')[2], 'sold: order at saga.after-call:2');
  });

  it('pairs each deadly point with itself and with what comes after it', () => {
    assert.deepEqual(planPairs(new Map([['sold', sold]])).map(describeRun), [
      'sold: order at saga.after-call, then order at saga.after-call',
      'sold: order at saga.after-call, then payment at payment.after-provider-call',
      'sold: payment at payment.after-provider-call, then payment at payment.after-provider-call',
    ]);
  });

  it('crashes again at points that only a recovery passes', () => {
    const [run] = planCrashes(discovered, 'each-point');
    assert.ok(run);
    const passed = parseTrace('order saga.after-call\norder saga.after-take-over\n');
    const twice = { run: { ...run, crashes: [...run.crashes, ...run.crashes] }, passed };
    assert.deepEqual(planRecoveries(discovered, [twice, { run, passed }, { run, passed }]).map(describeRun), [
      'sold: order at saga.after-call, then order at saga.after-take-over',
    ]);
  });

  it('hands the second crash of a service to the process that replaces the first', () => {
    const twice = [
      { service: 'order', point: 'a' },
      { service: 'payment', point: 'b' },
      { service: 'order', point: 'c:2' },
    ];
    assert.deepEqual(
      [...crashesByService(twice)],
      [
        ['order', 'a,c:2'],
        ['payment', 'b'],
      ],
    );
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Unit } from '../processes/supervised-process.ts';
import { createInjectedFaults } from './injected-faults.ts';

function setUp(isAllowed = true) {
  const told: [string, object][] = [];
  // Of a unit nothing else is used here.
  const unit = (service: string) =>
    ({ service, tell: (message: object) => told.push([service, message]) }) as unknown as Unit;
  const units = [unit('order'), unit('payment')];
  const services = units.map(({ service }) => service);
  return { told, units, faults: createInjectedFaults({ isAllowed, services, units: () => units }) };
}

test('the processes of the calling service are told, those that come later too', () => {
  const { faults, told, units } = setUp();
  faults.add('order->payment', ['error=20%']);
  const message = { type: 'faults', faults: ['order→payment error=20% seed=1'] };
  assert.deepEqual(told, [['order', message]]);
  for (const unit of units) faults.tell(unit);
  assert.deepEqual(told.slice(1), [
    ['order', message],
    ['payment', { type: 'faults', faults: [] }],
  ]);
  faults.clear('order→payment');
  assert.deepEqual(told.at(-1), ['order', { type: 'faults', faults: [] }]);
  assert.deepEqual(faults.list(), []);
});

test('what cannot be meant changes nothing', () => {
  const { faults, told } = setUp();
  assert.throws(() => faults.add('order→payments', ['error=1%']), { code: 'CLI_UNKNOWN_SERVICE' });
  assert.throws(() => faults.add('order→payment', ['eror=1%']), { code: 'CLI_USAGE' });
  assert.throws(() => faults.clear('order→payment'), { code: 'CLI_NOT_FOUND' });
  assert.deepEqual(told, []);
});

test('a system without demo data takes none', () => {
  const { faults } = setUp(false);
  assert.throws(() => faults.add('order→payment', ['error=1%']), { code: 'CLI_USAGE' });
});

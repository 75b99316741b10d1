import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createInstances } from '@flotilla/resilience';
import { routeWith } from '../../test/backends.ts';
import { createTimers } from '../time/timers.ts';
import { createCandidate } from './candidate.ts';

it('what discovery names is looked at when it is called, what the operator names is not, and they share no connection', () => {
  const timers = createTimers();
  const instances = createInstances(timers);
  const found = { id: 'a', host: 'orders.internal', port: 80, weight: 1, zone: undefined, tags: [] };
  const [service, host] = [
    routeWith({ target: { kind: 'service', service: 'orders', namespace: undefined } }),
    routeWith({ target: { kind: 'hosts', hosts: [] } }),
  ].map((route) => createCandidate(found, route, instances).origin);
  assert.deepEqual([service?.checksAddress, host?.checksAddress], [true, false]);
  assert.notEqual(service?.key, host?.key);
  timers.close();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideCommit, decideRelease, decideReserve, type ReservationStatus } from './reservation.ts';

const lines = [{ productId: 'a', quantity: 2 }];
const as = (status: ReservationStatus) => ({ status, lines });

test('a reservation is taken once; after it expired it is taken again; after a release never', () => {
  assert.equal(decideReserve(undefined, lines), 'take');
  assert.equal(decideReserve(as('held'), lines), 'already');
  assert.equal(decideReserve(as('committed'), lines), 'already');
  assert.equal(decideReserve(as('expired'), lines), 'take-again');
  assert.equal(decideReserve(as('released'), lines), 'order-closed');
});

test('an order cannot reserve other lines than before', () => {
  const others = [{ productId: 'a', quantity: 3 }];
  for (const status of ['held', 'committed', 'expired'] as const) {
    assert.equal(decideReserve(as(status), others), 'other-lines');
  }
});

test('what is held is sold; what expired must be free; what was released or never reserved is not sold', () => {
  assert.equal(decideCommit(as('held')), 'sell-held');
  assert.equal(decideCommit(as('expired')), 'sell-free');
  assert.equal(decideCommit(as('committed')), 'already');
  assert.equal(decideCommit(as('released')), 'order-closed');
  assert.equal(decideCommit(undefined), 'order-closed');
});

test('a release gives back what is held or sold, and bars an order that has nothing', () => {
  assert.equal(decideRelease(as('held')), 'give-back-held');
  assert.equal(decideRelease(as('committed')), 'take-back-sold');
  assert.equal(decideRelease(as('released')), 'already');
  assert.equal(decideRelease(as('expired')), 'bar');
  assert.equal(decideRelease(undefined), 'bar');
});

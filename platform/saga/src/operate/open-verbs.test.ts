import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openVerbs } from './open-verbs.ts';

type Seen = Parameters<typeof openVerbs>[0];

const stuck: Seen = { status: 'stuck', step: 'ship', direction: 'do', pivotStarted: true };
const verbs = (more: Partial<Seen>) => openVerbs({ ...stuck, ...more }).map(({ verb }) => verb);

describe('what is open to an operator', () => {
  it('is everything that the rules allow, and cancelling only before the pivot', () => {
    assert.deepEqual(verbs({}), ['retry', 'skip', 'compensate', 'complete']);
    assert.deepEqual(verbs({ pivotStarted: false }), ['retry', 'skip', 'compensate', 'complete', 'cancel']);
  });

  it('does not turn around what is being undone already', () => {
    assert.deepEqual(verbs({ direction: 'undo', status: 'compensating' }), ['retry', 'skip']);
  });

  it('is nothing while an engine works on it, but for a cancellation', () => {
    assert.deepEqual(verbs({ leasedBy: 'order-1' }), []);
    assert.deepEqual(verbs({ leasedBy: 'order-1', pivotStarted: false }), ['cancel']);
  });

  it('is nothing once it has ended', () => {
    for (const status of ['completed', 'compensated', 'cancelled'] as const)
      assert.deepEqual(verbs({ status }), []);
  });
});

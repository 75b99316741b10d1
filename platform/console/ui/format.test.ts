import assert from 'node:assert/strict';
import { it } from 'node:test';
import { holderOf } from './format.ts';

it('says who works on something, and of work that was left since when it stands still', () => {
  const now = Date.parse('2026-01-01T00:00:10Z');
  const held = { leasedBy: 'order-1', leasedUntil: '2026-01-01T00:00:20Z' };
  assert.equal(holderOf(held, now), 'worked on by order-1');
  assert.match(
    holderOf({ ...held, leasedUntil: '2026-01-01T00:00:05Z' }, now),
    /^stalled since .+:05: order-1 /,
  );
  assert.equal(holderOf({}, now), '');
});

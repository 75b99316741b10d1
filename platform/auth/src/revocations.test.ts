import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRevocations } from './revocations.ts';

const at = new Date(1_700_000_000_500);
const nowMs = at.getTime();
const ended = (sessionId: string) => ({ kind: 'session-ended', sessionId, at }) as const;
const changed = (subject: string, when = at) => ({ kind: 'account-changed', subject, at: when }) as const;
const SECOND = 1_700_000_000;

describe('revocations', () => {
  it('tell sessions and subjects of one name apart', () => {
    const revocations = createRevocations();
    revocations.add(ended('same'), nowMs);
    assert.equal(revocations.revokes({ subject: 'same', issuedAtSeconds: 0 }), false);
    assert.equal(revocations.revokes({ subject: 'x', sessionId: 'same', issuedAtSeconds: 2 * SECOND }), true);
  });

  it('compare what was issued in the same second as if it had been before', () => {
    const revocations = createRevocations();
    revocations.add(changed('u'), nowMs);
    assert.equal(revocations.revokes({ subject: 'u', issuedAtSeconds: SECOND - 1 }), true);
    assert.equal(revocations.revokes({ subject: 'u', issuedAtSeconds: SECOND }), true);
    assert.equal(revocations.revokes({ subject: 'u', issuedAtSeconds: SECOND + 1 }), false);
    assert.equal(revocations.revokes({ subject: 'u' }), true, 'nobody knows when that was');
  });

  it('keep the latest change of an account, in whatever order they arrive', () => {
    const revocations = createRevocations();
    revocations.add(changed('u', new Date(nowMs + 5_000)), nowMs);
    revocations.add(changed('u'), nowMs);
    assert.equal(revocations.revokes({ subject: 'u', issuedAtSeconds: SECOND + 3 }), true);
  });

  it('are forgotten when every token from before has ended, and not a moment sooner', () => {
    const revocations = createRevocations({ tokenLifetimeSeconds: 300, clockToleranceSeconds: 60 });
    revocations.add(ended('s'), nowMs);
    revocations.add(ended('t'), nowMs + 360_000);
    assert.equal(revocations.revokes({ subject: 'u', sessionId: 's' }), true);
    assert.equal(revocations.size, 2);
    revocations.add(ended('t'), nowMs + 360_001);
    assert.equal(revocations.revokes({ subject: 'u', sessionId: 's' }), false);
    assert.equal(revocations.size, 1);
  });

  it('begin anew when they come again', () => {
    const revocations = createRevocations();
    revocations.add(ended('s'), nowMs);
    revocations.add(ended('s'), nowMs + 300_000);
    revocations.add(ended('t'), nowMs + 361_000);
    assert.equal(revocations.revokes({ subject: 'u', sessionId: 's' }), true);
  });

  it('are bounded: the oldest of the kind goes first, and somebody hears of it', () => {
    let forgotten = 0;
    const revocations = createRevocations({ maxEntries: 3, onForgotten: () => (forgotten += 1) });
    revocations.add(changed('u'), nowMs);
    for (let n = 0; n < 1_000; n += 1) revocations.add(ended(`s-${n}`), nowMs);
    assert.equal(revocations.size, 4);
    assert.equal(forgotten, 997);
    assert.equal(revocations.revokes({ subject: 'x', sessionId: 's-999' }), true);
    assert.equal(revocations.revokes({ subject: 'u', issuedAtSeconds: 1 }), true);
  });
});

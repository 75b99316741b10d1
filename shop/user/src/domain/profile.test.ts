import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { change, profileOf } from './profile.ts';
import { isMatched, tagOf } from './version-tag.ts';

const claims = { subject: 'u', email: 'dana@example.com', name: 'Dana', issuedAtSeconds: 1_000 };

describe('a profile', () => {
  it('of somebody unheard of is what the token says', () => {
    const profile = profileOf(claims);
    assert.equal(profile?.version, 0);
    assert.equal(profile?.registeredAt.getTime(), 1_000_000);
    assert.deepEqual(profile?.notifications, { orders: true, shipping: true });
  });

  it('began when the id was made', () => {
    assert.equal(profileOf({ ...claims, subject: uuidv7(123_456) })?.registeredAt.getTime(), 123_456);
  });

  it('is nothing that a service has', () => {
    assert.equal(profileOf({ subject: 'cart' }), undefined);
  });

  it('changes in what is named, and says so only when it does', () => {
    const profile = profileOf(claims);
    assert.ok(profile);
    assert.equal(change(profile, { name: 'Dana' }), undefined);
    assert.equal(change(profile, { notifications: {} }), undefined);
    const changed = change(profile, { notifications: { shipping: false } });
    assert.deepEqual(changed?.notifications, { orders: true, shipping: false });
    assert.equal(changed?.version, 1);
  });
});

describe('If-Match', () => {
  it('lets its own version be changed alone', () => {
    assert.equal(tagOf(3), '"3"');
    assert.ok(isMatched(undefined, 3));
    assert.ok(isMatched('*', 3));
    assert.ok(isMatched('"1", "3"', 3));
    for (const other of ['"2"', 'W/"3"', '3', '']) assert.ok(!isMatched(other, 3), other);
  });
});

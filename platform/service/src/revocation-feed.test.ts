import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPlatformError } from '@flotilla/kernel';
import { createManualClock } from '@flotilla/kernel/testing';
import { createMemoryTransport } from '@flotilla/messaging/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { ACCOUNT_CHANGED, createRevocationFeed, SESSION_ENDED } from './revocation-feed.ts';

const at = '2026-11-30T10:00:00.500Z';
const SECOND = Date.parse(at) / 1_000 - 0.5;
const session = (sessionId: string) => ({ subject: 'u-1', sessionId, issuedAtSeconds: SECOND - 60 });

function feed(clock = createManualClock(new Date(at))) {
  const logged: string[] = [];
  const logger = { ...silentLogger, error: (_fields: object, message: string) => logged.push(message) };
  const created = createRevocationFeed({ clock, logger, metrics: createMetrics() });
  return { clock, logged, ...created };
}

function event(type: string, data: unknown, id = crypto.randomUUID()) {
  const body = JSON.stringify({ specversion: '1.0', id, type, source: 'identity', time: at, data });
  return { id, type, key: 'u-1', body, mandatory: false };
}

const isUnknown = (error: unknown) =>
  isPlatformError(error) && error.code === 'AUTH_REVOCATIONS_UNAVAILABLE' && error.retryable;

describe('the feed of revocations', () => {
  it('refuses what the issuer says has ended, from before the process began and from then on', async () => {
    const transport = createMemoryTransport();
    await transport.publish([
      event(SESSION_ENDED, { userId: 'u-1', sessionId: 's-1', endedAt: at, reason: 'x' }),
    ]);
    const { follow, revokes, isCaughtUp } = feed();
    const watch = follow(transport);
    await watch.caughtUp;
    assert.equal(isCaughtUp(), true);
    assert.equal(revokes(session('s-1')), true);
    assert.equal(revokes(session('s-2')), false);
    await transport.publish([
      event(SESSION_ENDED, { userId: 'u-1', sessionId: 's-2', endedAt: at, reason: 'x' }),
    ]);
    assert.equal(revokes(session('s-2')), true);
    assert.equal(revokes(session('s-3')), false);
    await transport.publish([event(ACCOUNT_CHANGED, { userId: 'u-1', changedAt: at, change: 'role' })]);
    assert.equal(revokes(session('s-3')), true);
    assert.equal(revokes({ ...session('s-3'), issuedAtSeconds: SECOND + 1 }), false);
    assert.equal(revokes({ ...session('s-3'), subject: 'u-2' }), false);
    await watch.close();
  });

  it('takes the end of a session without a name for that of all sessions', async () => {
    const transport = createMemoryTransport();
    const { follow, revokes } = feed();
    await follow(transport).caughtUp;
    await transport.publish([
      event(SESSION_ENDED, { userId: 'u-1', endedAt: at, reason: 'password-changed' }),
    ]);
    assert.equal(revokes(session('s-9')), true);
    assert.equal(revokes({ subject: 'u-1', issuedAtSeconds: SECOND + 1 }), false);
  });

  it('says that it does not know until it has caught up, and for ten seconds at most', async () => {
    const { clock, follow, revokes, isCaughtUp } = feed();
    assert.equal(revokes(session('s-1')), false, 'nobody follows anything');
    const never = { caughtUp: new Promise<void>(() => undefined), close: async () => undefined };
    follow({ watch: () => never });
    assert.equal(isCaughtUp(), false);
    assert.throws(() => revokes(session('s-1')), isUnknown);
    await clock.advance(9_000);
    assert.throws(() => revokes(session('s-1')), isUnknown);
    await clock.advance(1_000);
    assert.equal(revokes(session('s-1')), false);
    assert.equal(isCaughtUp(), true);
  });

  it('reports what it cannot read, and goes on', async () => {
    const transport = createMemoryTransport();
    const { follow, revokes, logged } = feed();
    await follow(transport).caughtUp;
    for (const data of [{}, { userId: 7, endedAt: at }, { userId: 'u-1', endedAt: 'yesterday' }, null])
      await transport.publish([event(SESSION_ENDED, data), event(ACCOUNT_CHANGED, data)]);
    await transport.publish([{ ...event(SESSION_ENDED, {}), body: '{' }]);
    assert.equal(logged.length, 9);
    await transport.publish([event(SESSION_ENDED, { userId: 'u-1', sessionId: 's-1', endedAt: at, new: 1 })]);
    assert.equal(revokes(session('s-1')), true, 'with a property that is newer than this process');
  });
});

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { claimsOf, type Identity, startIdentity } from './testing.ts';

describe('logging in', () => {
  let identity: Identity;
  before(async () => {
    identity = await startIdentity({ demo: true });
    await identity.signUp('kim@example.com');
  });
  after(() => identity.close());
  beforeEach(async () => {
    await identity.db.query('DELETE FROM login_failure');
    await identity.db.query('DELETE FROM known_address');
  });

  const later = (interval: string) =>
    identity.db.query(
      `UPDATE login_failure SET failed_at = failed_at - $1::interval, blocked_until = blocked_until - $1::interval`,
      [interval],
    );
  const fail = async (times: number, email = 'kim@example.com', address = '192.0.2.1') => {
    for (let count = 0; count < times; count += 1)
      assert.equal((await identity.logIn(email, 'wrong', address)).status, 401);
  };

  it('gives tokens that nothing may store', async () => {
    const { status, headers, body } = await identity.logIn('kim@example.com');
    assert.equal(status, 200);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(body['tokenType'], 'Bearer');
    assert.equal(body['expiresIn'], 300);
    assert.match(String(body['refreshToken']), /^[\w-]{43}$/);
  });

  it('signs exactly the claims of the contract', async () => {
    const { body } = await identity.logIn('alice@example.com', 'alice-password');
    const { iat, exp, jti, sub, sid, ...claims } = claimsOf(body['accessToken']);
    assert.equal(Number(exp) - Number(iat), 300);
    assert.match(`${jti} ${sub} ${sid}`, /^[0-9a-f-]{36} [0-9a-f-]{36} [0-9a-f-]{36}$/);
    assert.deepEqual(claims, {
      iss: 'http://127.0.0.1:8080/identity',
      aud: 'flotilla',
      client_id: 'shop',
      scope: 'openid profile email orders.read orders.write inventory.read',
      email: 'alice@example.com',
      name: 'Alice Adams',
      role: 'Customer',
      tenant_id: 'acme',
      permissions: ['orders.read', 'orders.write', 'inventory.read'],
      acr: 'urn:flotilla:acr:password',
      amr: ['pwd'],
    });
  });

  it('lets every demo account in, and gives the admin more permissions but no more scopes', async () => {
    for (const name of ['bob', 'carol'])
      assert.equal((await identity.logIn(`${name}@example.com`, `${name}-password`)).status, 200);
    const { body } = await identity.logIn('admin@example.com', 'admin-password');
    const { role, permissions, scope } = claimsOf(body['accessToken']);
    assert.equal(role, 'Admin');
    assert.ok(Array.isArray(permissions) && permissions.includes('inventory.write'));
    assert.ok(!String(scope).includes('inventory.write'));
  });

  it('answers the same for an unknown account as for a wrong password, after the same work', async () => {
    const { counts } = identity.hashing;
    const before = counts.verified;
    const wrong = await identity.logIn('kim@example.com', 'wrong');
    assert.equal(counts.verified, before + 1);
    const unknown = await identity.logIn('nobody@example.com', 'wrong');
    assert.equal(counts.verified, before + 2);
    const comparable = ({ status, body: { traceId: _traceId, ...body } }: typeof wrong) => ({ status, body });
    assert.deepEqual(comparable(unknown), comparable(wrong));
    assert.equal(wrong.body['code'], 'invalid-credentials');
  });

  it('refuses what can be no address', async () => {
    assert.equal((await identity.logIn('kim@example.com\0')).status, 400);
  });

  it('slows repeated failures down without spending a hash on them', async () => {
    await fail(6);
    const { verified } = identity.hashing.counts;
    const blocked = await identity.logIn('kim@example.com');
    assert.equal(blocked.status, 429);
    assert.equal(blocked.body['code'], 'too-many-attempts');
    assert.equal(blocked.headers['retry-after'], '1');
    assert.equal(identity.hashing.counts.verified, verified);
  });

  it('throttles accounts that do not exist like those that do', async () => {
    await fail(6, 'nobody@example.com');
    assert.equal((await identity.logIn('nobody@example.com')).status, 429);
  });

  it('waits longer after each further failure, and never locks for good', async () => {
    await fail(6);
    await later('1 second');
    await fail(1);
    assert.equal((await identity.logIn('kim@example.com')).headers['retry-after'], '2');
    await later('2 seconds');
    assert.equal((await identity.logIn('kim@example.com')).status, 200);
  });

  it('forgets the failures of an account when its owner gets in', async () => {
    await fail(5);
    assert.equal((await identity.logIn('kim@example.com')).status, 200);
    await fail(5);
    assert.equal((await identity.logIn('kim@example.com')).status, 200);
  });

  it('forgets failures with time', async () => {
    await fail(5);
    await later('80 minutes');
    await fail(5);
    assert.equal((await identity.logIn('kim@example.com')).status, 200);
  });

  it('lets the owner in from a known address while somebody else guesses elsewhere', async () => {
    assert.equal((await identity.logIn('kim@example.com', 'a fine password', '198.51.100.1')).status, 200);
    await fail(6, 'kim@example.com', '203.0.113.66');
    assert.equal((await identity.logIn('kim@example.com', 'a fine password', '203.0.113.66')).status, 429);
    assert.equal((await identity.logIn('kim@example.com', 'a fine password', '198.51.100.1')).status, 200);
  });

  it('does not let guesses in parallel slip through before the first has failed', async () => {
    const { verified } = identity.hashing.counts;
    await Promise.all(Array.from({ length: 30 }, () => identity.logIn('kim@example.com', 'wrong')));
    const guesses = identity.hashing.counts.verified - verified;
    assert.ok(guesses <= 8, `${guesses} guesses were checked`);
  });

  it('slows one address down that tries many accounts, and no other address', async () => {
    await identity.db.query(
      "INSERT INTO login_failure VALUES ('address:203.0.113.9', 50, clock_timestamp(), clock_timestamp())",
    );
    await fail(1, 'anyone@example.com', '203.0.113.9');
    assert.equal((await identity.logIn('kim@example.com', 'a fine password', '203.0.113.9')).status, 429);
    assert.equal((await identity.logIn('kim@example.com', 'a fine password', '203.0.113.10')).status, 200);
  });

  it('never slows down who logs in often with the right password', async () => {
    // On a busy machine some wait too long for a connection or a place, and are told to try again.
    const logIn = async () => {
      for (let tries = 1; ; tries += 1) {
        const { status } = await identity.logIn('kim@example.com');
        if (status !== 503 || tries === 50) return status;
      }
    };
    const statuses = await Promise.all(Array.from({ length: 100 }, logIn));
    assert.deepEqual([...new Set(statuses)], [200]);
  });

  it('counts no failure when the password was right and something else is in the way', async () => {
    const disable = (at: string) => identity.db.query(`UPDATE account SET disabled_at = ${at}`);
    await disable('now()');
    for (let n = 0; n < 8; n += 1) assert.equal((await identity.logIn('kim@example.com')).status, 403);
    await disable('NULL');
    assert.equal((await identity.logIn('kim@example.com')).status, 200);
  });

  it('keeps no place for who waits for the database after their password was checked', async () => {
    const { promise: counted, resolve: go } = Promise.withResolvers<void>();
    const lock = identity.db.transaction(async (tx) => {
      await tx.query('LOCK TABLE known_address IN EXCLUSIVE MODE');
      await counted;
    });
    try {
      const { verified } = identity.hashing.counts;
      const held = [1, 2, 3].map(() => identity.logIn('kim@example.com'));
      await eventually(
        'all passwords are checked',
        async () => identity.hashing.counts.verified === verified + 3,
      );
      go();
      assert.deepEqual(new Set((await Promise.all(held)).map(({ status }) => status)), new Set([200]));
    } finally {
      go();
      await lock;
    }
  });
});

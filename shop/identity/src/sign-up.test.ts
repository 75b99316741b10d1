import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { type Identity, startIdentity } from './testing.ts';

describe('signing up', () => {
  let identity: Identity;
  before(async () => {
    identity = await startIdentity();
  });
  after(() => identity.close());

  const accountsOf = (email: string) =>
    identity.db.query('SELECT * FROM account WHERE email_key = $1', [email]);
  const messagesOf = (userId: unknown) =>
    identity.db.query('SELECT * FROM outbox WHERE key = $1', [String(userId)]);

  it('creates an ordinary customer and publishes it once', async () => {
    const { status, body } = await identity.signUp('Dora@Example.com');
    assert.equal(status, 201);
    assert.deepEqual(Object.keys(body).sort(), ['email', 'id', 'name']);
    assert.equal(body['email'], 'Dora@Example.com');
    const [account] = await accountsOf('dora@example.com');
    assert.equal(account?.['role'], 'Customer');
    assert.equal(account?.['tenant_id'], null);
    const messages = await messagesOf(body['id']);
    assert.deepEqual(
      messages.map((message) => message['type']),
      ['user.registered.v1', 'identity.email-verification-asked.v1'],
    );
  });

  it('knows an address in any spelling', async () => {
    assert.equal((await identity.signUp('eve@example.com')).status, 201);
    const again = await identity.signUp('EVE@Example.COM');
    assert.equal(again.status, 409);
    assert.equal(again.body['code'], 'email-taken');
  });

  it('gives an address to exactly one of many who ask at once', async () => {
    const attempts = await Promise.all([1, 2, 3, 4].map(() => identity.signUp('fay@example.com')));
    assert.deepEqual(attempts.map(({ status }) => status).sort(), [201, 409, 409, 409]);
    assert.equal((await accountsOf('fay@example.com')).length, 1);
    const winner = attempts.find(({ status }) => status === 201);
    assert.equal((await messagesOf(winner?.body['id'])).length, 2);
  });

  it('refuses weak passwords without hashing them', async () => {
    const { hashed } = identity.hashing.counts;
    for (const weak of ['short', 'password123', 'gina@example.com']) {
      const { status, body } = await identity.signUp('gina@example.com', weak);
      assert.equal(status, 422, weak);
      assert.equal(body['code'], 'weak-password');
    }
    assert.equal(identity.hashing.counts.hashed, hashed);
    assert.deepEqual(await accountsOf('gina@example.com'), []);
  });

  describe('from one network address', () => {
    /** Leaves room for so many sign-ups. */
    const leave = (room: number, address: string) =>
      identity.db.query(
        `INSERT INTO pace VALUES ('sign-up:' || $1, clock_timestamp() + $2 * interval '1 second')
         ON CONFLICT (subject) DO UPDATE SET forgotten_at = excluded.forgotten_at`,
        [address, (100 - room) * 5 - 1],
      );
    const signUps = (count: number, address: string) =>
      Promise.all(
        Array.from({ length: count }, (_, number) =>
          identity.signUp(`${address}-${number}@example.com`, 'a fine password', address),
        ),
      );

    it('is limited, without spending a hash, and leaves other addresses alone', async () => {
      await leave(2, '203.0.113.1');
      const { hashed } = identity.hashing.counts;
      const answers = await signUps(5, '203.0.113.1');
      assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 201, 429, 429, 429]);
      assert.equal(identity.hashing.counts.hashed, hashed + 2);
      const refused = answers.find(({ status }) => status === 429);
      assert.equal(refused?.body['code'], 'too-many-attempts');
      assert.ok(Number(refused?.headers['retry-after']) >= 1);
      assert.deepEqual(
        (await signUps(1, '203.0.113.2')).map(({ status }) => status),
        [201],
      );
    });

    it('is allowed again with time', async () => {
      await leave(0, '203.0.113.3');
      assert.equal((await signUps(1, '203.0.113.3'))[0]?.status, 429);
      await identity.db.query("UPDATE pace SET forgotten_at = forgotten_at - interval '5 seconds'");
      assert.equal((await signUps(1, '203.0.113.3'))[0]?.status, 201);
    });

    it('tells no more addresses that are taken than it may create', async () => {
      await identity.signUp('gus@example.com');
      await leave(1, '203.0.113.4');
      const ask = () => identity.signUp('gus@example.com', 'a fine password', '203.0.113.4');
      assert.equal((await ask()).status, 409);
      assert.equal((await ask()).status, 429);
    });

    it('does not keep anybody from logging in', async () => {
      await identity.signUp('hana@example.com');
      const gate = Promise.withResolvers<void>();
      identity.hashing.gate = gate.promise;
      const flood = signUps(80, '203.0.113.5');
      try {
        await eventually('a sign-up is being hashed', () => identity.hashing.waiting > 0);
        assert.equal((await identity.logIn('hana@example.com')).status, 200);
      } finally {
        identity.hashing.gate = undefined;
        gate.resolve();
      }
      const statuses = new Set((await flood).map(({ status }) => status));
      assert.ok(statuses.has(503) && statuses.has(201));
    });
  });

  it('refuses every property that would give more than an ordinary account', async () => {
    const person = { email: 'hal@example.com', password: 'a fine password', name: 'Hal' };
    for (const more of [
      { role: 'Admin' },
      { tenantId: 'acme' },
      { tenant_id: 'acme' },
      { permissions: ['inventory.write'] },
      { id: '00000000-0000-4000-8000-000000000000' },
      { passwordHash: 'x' },
    ]) {
      const { status, body } = await identity.post('/users', { ...person, ...more });
      assert.equal(status, 400, JSON.stringify(more));
      assert.equal(body['code'], 'validation-failed');
    }
    assert.deepEqual(await accountsOf('hal@example.com'), []);
  });

  it('refuses what is no e-mail address and what is too long', async () => {
    for (const email of ['nobody', '', 'a b@example.com', `${'x'.repeat(250)}@example.com`])
      assert.equal((await identity.signUp(email)).status, 400, email);
    assert.equal((await identity.signUp('ida@example.com', 'x'.repeat(1_025))).status, 400);
  });

  it('refuses names that cannot be stored or mailed', async () => {
    for (const name of ['', 'nul\0', 'broken \ud800', 'two\nlines', 'two\u2028lines']) {
      const person = { email: 'ida@example.com', password: 'a fine password', name };
      assert.equal((await identity.post('/users', person)).status, 400, JSON.stringify(name));
    }
  });

  it('takes any characters in a password', async () => {
    const password = ' nul\0 and \ud83d\udea2 ';
    assert.equal((await identity.signUp('joy@example.com', password)).status, 201);
    assert.equal((await identity.logIn('joy@example.com', password)).status, 200);
    assert.equal((await identity.logIn('joy@example.com', password.trim())).status, 401);
  });

  it('takes a password of a thousand characters', async () => {
    const long = 'long enough '.repeat(80);
    assert.equal((await identity.signUp('jan@example.com', long)).status, 201);
    assert.equal((await identity.logIn('jan@example.com', long)).status, 200);
  });
});

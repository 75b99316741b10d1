import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { claimsOf, type Identity, startIdentity } from './testing.ts';

const FIRST = 'a fine password';
const SECOND = 'another fine password';

describe('an account is cared for', () => {
  let identity: Identity;
  before(async () => {
    identity = await startIdentity();
  });
  after(() => identity.close());
  beforeEach(async () => {
    for (const table of ['account', 'outbox', 'pace', 'login_failure', 'auth_session', 'reset_request'])
      await identity.db.query(`DELETE FROM ${table}`);
    assert.equal((await identity.signUp('kim@example.com')).status, 201);
  });

  const told = (type: string) =>
    identity.db.query<{ data: Record<string, string> }>(
      "SELECT (envelope::jsonb)->'data' AS data FROM outbox WHERE type = $1 ORDER BY id",
      [`identity.${type}.v1`],
    );
  const tokenIn = (link: string | undefined) => new URL(link ?? '').searchParams.get('token') ?? '';
  const forget = (email = 'kim@example.com', address = '192.0.2.1') =>
    identity.post('/auth/forgot-password', { email }, { 'x-real-ip': address });
  async function resetToken(): Promise<string> {
    assert.equal((await forget()).status, 202);
    await identity.app.sendResetLinks();
    return tokenIn((await told('password-reset-asked')).at(-1)?.data['link']);
  }
  const reset = (token: string, password = SECOND) =>
    identity.post('/auth/reset-password', { token, password });
  const status = async (password: string) => (await identity.logIn('kim@example.com', password)).status;
  async function logIn() {
    const { body } = await identity.logIn('kim@example.com');
    return { token: String(body['accessToken']), refreshToken: String(body['refreshToken']) };
  }
  const authorized = (token: string) => ({ authorization: `Bearer ${token}` });
  const change = (token: string, currentPassword = FIRST, newPassword = SECOND) =>
    identity.post('/me/password', { currentPassword, newPassword }, authorized(token));
  const lives = async (refreshToken: string) =>
    (await identity.post('/auth/refresh', { refreshToken })).status === 200;

  describe('when its owner changes the password', () => {
    it('every other session ends, clients and the owner are told, and the one that asked goes on', async () => {
      const [here, there] = [await logIn(), await logIn()];
      assert.equal((await change(here.token)).status, 204);
      assert.deepEqual([await status(FIRST), await status(SECOND)], [401, 200]);
      assert.equal(await lives(there.refreshToken), false);
      assert.equal(await lives(here.refreshToken), true);
      const ended = (await told('session-ended')).map(({ data }) => [data['sessionId'], data['reason']]);
      assert.deepEqual(ended, [[claimsOf(there.token)['sid'], 'password-changed']]);
      assert.equal((await told('password-changed'))[0]?.data['email'], 'kim@example.com');
    });

    it('guesses at the old one are slowed down as at the login', async () => {
      const { token } = await logIn();
      for (let count = 0; count < 6; count += 1) {
        const { status: refused, body } = await change(token, 'wrong');
        assert.deepEqual([refused, body['code']], [403, 'wrong-password']);
      }
      const { status: slowed, headers } = await change(token);
      assert.deepEqual([slowed, headers['retry-after']], [429, '1']);
    });

    it('a weak one is refused, and nobody may do it without being signed in', async () => {
      const { token } = await logIn();
      const { status: refused, body } = await change(token, FIRST, 'kim@example.com');
      assert.deepEqual([refused, body['code']], [422, 'weak-password']);
      assert.equal((await change('')).status, 401);
      assert.equal(await status(FIRST), 200);
    });

    it('two changes at once are one: the second no longer knows the password', async () => {
      const { token } = await logIn();
      const outcomes = await Promise.all([
        change(token, FIRST, SECOND),
        change(token, FIRST, 'a third fine one'),
      ]);
      assert.deepEqual(outcomes.map((outcome) => outcome.status).sort(), [204, 403]);
    });

    it('a login that was checked before does not begin a session after', async () => {
      const { db, hashing } = identity;
      const [account] = await db.query<{ id: string }>('SELECT id FROM account');
      const real = hashing.passwords.verify;
      // The password is changed between its check and the session.
      hashing.passwords.verify = async (password, phc) => {
        const matches = await real(password, phc);
        await db.query('UPDATE account SET version = version + 1 WHERE id = $1', [account?.id ?? null]);
        return matches;
      };
      try {
        assert.equal(await status(FIRST), 401);
      } finally {
        hashing.passwords.verify = real;
      }
      assert.deepEqual(await db.query('SELECT 1 FROM auth_session'), []);
    });
  });

  describe('when the password is forgotten', () => {
    it('a link in a mail opens it once, ends every session, and shows that the address is right', async () => {
      const session = await logIn();
      const token = await resetToken();
      assert.equal((await reset(token)).status, 204);
      assert.deepEqual([await status(FIRST), await status(SECOND)], [401, 200]);
      assert.equal(await lives(session.refreshToken), false);
      const { status: again, body } = await reset(token, 'a third fine one');
      assert.deepEqual([again, body['code']], [422, 'invalid-link']);
      assert.equal((await told('password-changed')).length, 1);
      const [account] = await identity.db.query('SELECT email_verified_at IS NOT NULL AS v FROM account');
      assert.equal(account?.['v'], true);
    });

    it('nothing tells whether there is such an account', async () => {
      const { verified, hashed } = identity.hashing.counts;
      const [known, unknown] = [await forget(), await forget('nobody@example.com')];
      const plain = ({ status: code, body, headers }: typeof known) => {
        const { date: _date, 'x-request-id': _id, traceparent: _trace, ...rest } = headers;
        return { code, body, rest };
      };
      assert.deepEqual(plain(unknown), plain(known));
      assert.equal(known.status, 202);
      // Both are one row and nothing else, looked at later.
      assert.equal((await identity.db.query('SELECT 1 FROM reset_request')).length, 2);
      assert.deepEqual(await told('password-reset-asked'), []);
      assert.equal(await identity.app.sendResetLinks(), 2);
      assert.equal((await told('password-reset-asked')).length, 1);
      assert.deepEqual(
        [identity.hashing.counts.verified, identity.hashing.counts.hashed],
        [verified, hashed],
      );
    });

    it('the newest link alone works, however the address is spelled and whatever host is claimed', async () => {
      const first = await resetToken();
      const headers = { host: 'evil.test', 'x-forwarded-host': 'evil.test', 'x-real-ip': '192.0.2.1' };
      await identity.post('/auth/forgot-password', { email: 'KIM@example.com' }, headers);
      await identity.app.sendResetLinks();
      const link = (await told('password-reset-asked')).at(-1)?.data['link'] ?? '';
      assert.ok(link.startsWith('http://127.0.0.1:8080/identity/reset-password?token='));
      assert.equal((await reset(first)).status, 422);
      assert.equal((await reset(tokenIn(link))).status, 204);
    });

    it('a weak password does not use the link up; a change of the password and time do', async () => {
      const token = await resetToken();
      assert.equal((await reset(token, '12345678')).body['code'], 'weak-password');
      await identity.db.query("UPDATE account_link SET expires_at = now() - interval '1 second'");
      assert.equal((await reset(token)).status, 422);
      const next = await resetToken();
      assert.equal((await change((await logIn()).token)).status, 204);
      assert.equal((await reset(next, 'a third fine one')).status, 422);
      assert.equal(await status(SECOND), 200);
    });

    it('of many who use a link at once exactly one does', async () => {
      const token = await resetToken();
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, n) => reset(token, `fine password ${n}!`)),
      );
      assert.equal(outcomes.filter((outcome) => outcome.status === 204).length, 1);
    });

    it('an account gets few mails, and keeps a link that works', async () => {
      for (let count = 0; count < 6; count += 1) {
        await forget('kim@example.com', `198.51.100.${count}`);
        await identity.app.sendResetLinks();
      }
      const links = await told('password-reset-asked');
      assert.equal(links.length, 3);
      assert.equal((await reset(tokenIn(links.at(-1)?.data['link']))).status, 204);
    });

    it('a network address asks for twenty, and then one each half a minute', async () => {
      const asked = await Promise.all(
        Array.from({ length: 22 }, (_, n) => forget(`x${n}@example.com`, '203.0.113.7')),
      );
      assert.equal(asked.filter((answer) => answer.status === 429).length, 2);
      assert.ok(Number(asked.find((answer) => answer.status === 429)?.headers['retry-after']) <= 30);
      assert.equal((await forget('x@example.com', '203.0.113.8')).status, 202);
    });

    it('its owner gets in from there, whatever others guessed', async () => {
      for (let count = 0; count < 6; count += 1)
        await identity.logIn('kim@example.com', 'wrong', '203.0.113.66');
      const token = await resetToken();
      await identity.post(
        '/auth/reset-password',
        { token, password: SECOND },
        { 'x-real-ip': '198.51.100.1' },
      );
      assert.equal((await identity.logIn('kim@example.com', SECOND, '198.51.100.1')).status, 200);
    });

    it('a disabled account is not opened', async () => {
      const token = await resetToken();
      await identity.db.query('UPDATE account SET disabled_at = now()');
      assert.equal((await reset(token)).status, 422);
      await resetToken();
      assert.equal((await told('password-reset-asked')).length, 1);
      const { status: refused, body } = await identity.logIn('kim@example.com');
      assert.deepEqual([refused, body['code']], [403, 'account-disabled']);
      assert.equal((await identity.logIn('kim@example.com', 'wrong')).status, 401);
    });
  });

  describe('its address', () => {
    const verify = (token: string) => identity.post('/auth/verify-email', { token });

    it('is confirmed by the link of the mail that a sign-up brings, once', async () => {
      const token = tokenIn((await told('email-verification-asked'))[0]?.data['link']);
      assert.equal((await reset(token)).status, 422, 'it opens nothing else');
      assert.equal((await verify(token)).status, 204);
      assert.equal((await verify(token)).body['code'], 'invalid-link');
      const { token: access } = await logIn();
      const again = await identity.post('/me/email-verification', {}, authorized(access));
      assert.deepEqual([again.status, again.body['code']], [409, 'already-verified']);
    });

    it('may be asked about again, three times and then more slowly', async () => {
      const { token } = await logIn();
      const ask = () =>
        identity.host.inject({ method: 'POST', url: '/me/email-verification', headers: authorized(token) });
      const codes = [];
      for (let count = 0; count < 4; count += 1) codes.push((await ask()).statusCode);
      assert.deepEqual(codes, [202, 202, 202, 429]);
      const links = (await told('email-verification-asked')).map(({ data }) => tokenIn(data['link']));
      assert.equal((await verify(links[0] ?? '')).status, 422);
      assert.equal((await verify(links.at(-1) ?? '')).status, 204);
    });
  });

  describe('a sign-in', () => {
    const from = (address: string, device: string) =>
      identity.host.inject({
        method: 'POST',
        url: '/auth/login',
        headers: { 'x-real-ip': address, 'user-agent': device },
        payload: { email: 'kim@example.com', password: FIRST },
      });
    const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0';

    it('from a new device or a new address is told of, the first one and the usual ones are not', async () => {
      await from('192.0.2.1', FIREFOX);
      await from('192.0.2.1', FIREFOX);
      assert.deepEqual(await told('signed-in-elsewhere'), []);
      await from('192.0.2.1', 'curl/8.5');
      await from('203.0.113.5', FIREFOX);
      await from('203.0.113.5', FIREFOX);
      const mails = (await told('signed-in-elsewhere')).map(({ data }) => [data['device'], data['address']]);
      assert.deepEqual(mails, [
        ['curl', '192.0.2.1'],
        ['Firefox on Linux', '203.0.113.5'],
      ]);
    });

    it('raises what the hash of the password costs', async () => {
      const { db, hashing } = identity;
      const hash = async () =>
        (await db.query<{ h: string }>('SELECT password_hash AS h FROM account'))[0]?.h ?? '';
      const old = await hash();
      const real = hashing.passwords.isOutdated;
      hashing.passwords.isOutdated = (phc) => phc === old;
      try {
        assert.equal(await status('wrong'), 401);
        assert.equal(await hash(), old);
        assert.equal(await status(FIRST), 200);
        assert.notEqual(await hash(), old);
        assert.equal(await status(FIRST), 200);
      } finally {
        hashing.passwords.isOutdated = real;
      }
    });
  });
});

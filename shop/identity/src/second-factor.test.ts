import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { codeOf, fromBase32, stepAt } from './second-factor/totp.ts';
import { claimsOf, type Identity, startIdentity } from './testing.ts';

const PASSWORD = 'a fine password';
const HALF_MINUTE_MS = 30_000;

describe('a second factor', () => {
  const clock = createManualClock(new Date());
  let identity: Identity;
  let token = '';
  before(async () => {
    identity = await startIdentity({ clock });
  });
  after(() => identity.close());
  beforeEach(async () => {
    for (const table of ['account', 'login_failure', 'pace']) await identity.db.query(`DELETE FROM ${table}`);
    await identity.signUp('kim@example.com');
    token = String((await identity.logIn('kim@example.com')).body['accessToken']);
  });

  const post = (path: string, body: object) =>
    identity.post(path, body, { authorization: `Bearer ${token}` });
  const logIn = (code?: string) =>
    identity.post('/auth/login', {
      email: 'kim@example.com',
      password: PASSWORD,
      ...(code !== undefined && { code }),
    });
  const codeNow = (secret: unknown, off = 0) =>
    codeOf(fromBase32(String(secret)), stepAt(clock.now().getTime()) + off);

  async function turnOn() {
    const { body } = await post('/me/second-factor', { password: PASSWORD });
    const done = await post('/me/second-factor/confirm', { code: codeNow(body['secret']) });
    assert.equal(done.status, 200);
    await clock.advance(HALF_MINUTE_MS);
    return { secret: body['secret'], recoveryCodes: done.body['recoveryCodes'] as readonly string[] };
  }

  it('counts once a code of it was shown, and is asked for after the right password alone', async () => {
    const begun = await post('/me/second-factor', { password: PASSWORD });
    assert.equal(begun.status, 201);
    assert.match(
      String(begun.body['uri']),
      /^otpauth:\/\/totp\/Flotilla%3Akim%40example\.com\?secret=[A-Z2-7]{32}&/,
    );
    assert.equal((await logIn()).status, 200, 'nothing was confirmed');
    assert.equal((await post('/me/second-factor/confirm', { code: '000000' })).body['code'], 'wrong-code');
    const { secret, recoveryCodes } = await turnOn();
    assert.equal(new Set(recoveryCodes).size, 10);
    const state = await identity.get('/me/second-factor', token);
    assert.deepEqual(state.body, { isOn: true, hasApp: true, passkeys: 0, recoveryCodesLeft: 10 });
    const told = await identity.db.query(
      "SELECT 1 FROM outbox WHERE type = 'identity.second-factor-changed.v1'",
    );
    assert.equal(told.length, 1, 'the owner is told');

    assert.deepEqual([(await logIn()).status, (await logIn()).body['code']], [401, 'second-factor-required']);
    const wrong = await identity.post('/auth/login', {
      email: 'kim@example.com',
      password: 'x',
      code: codeNow(secret),
    });
    assert.equal(wrong.body['code'], 'invalid-credentials');
    const right = await logIn(codeNow(secret));
    assert.equal(right.status, 200);
    const refreshed = await identity.post('/auth/refresh', { refreshToken: right.body['refreshToken'] });
    for (const { body } of [right, refreshed]) {
      const { acr, amr } = claimsOf(body['accessToken']);
      assert.deepEqual([acr, amr], ['urn:flotilla:acr:multi-factor', ['pwd', 'otp', 'mfa']]);
    }
    assert.deepEqual(claimsOf(token)['amr'], ['pwd'], 'of the login before it was on');
  });

  it('takes each code once, also of many at once, and none from before it', async () => {
    const { secret } = await turnOn();
    const code = codeNow(secret);
    const outcomes = await Promise.all([1, 2, 3].map(() => logIn(code)));
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), [200, 401, 401]);
    assert.equal((await logIn(code)).body['code'], 'wrong-code');
    assert.equal((await logIn(codeNow(secret, -1))).body['code'], 'wrong-code');
    await clock.advance(HALF_MINUTE_MS);
    assert.equal((await logIn(codeNow(secret))).status, 200);
  });

  it('is not guessed: wrong codes slow the next down, whoever sends them, many at once too', async () => {
    const { secret } = await turnOn();
    const statuses = [];
    for (let count = 0; count < 7; count += 1) statuses.push((await logIn('000000')).status);
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 401, 429]);
    assert.equal((await logIn(codeNow(secret))).status, 429);
    await clock.advance(2_000);
    assert.equal((await logIn(codeNow(secret))).status, 200);
    const flood = await Promise.all(Array.from({ length: 20 }, () => logIn('000000')));
    assert.equal(flood.filter(({ status }) => status === 401).length, 6);
  });

  it('is replaced by a recovery code, each once, however it is typed in', async () => {
    const { recoveryCodes } = await turnOn();
    const [first = '', second = ''] = recoveryCodes;
    assert.match(first, /^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$/);
    assert.equal((await logIn(first)).status, 200);
    assert.equal((await logIn(first)).status, 401);
    assert.equal((await logIn(second.toLowerCase().replaceAll('-', ' '))).status, 200);
    const state = await identity.get('/me/second-factor', token);
    assert.deepEqual(state.body, { isOn: true, hasApp: true, passkeys: 0, recoveryCodesLeft: 8 });
  });

  it('is turned on and off by who knows the password, and off with a code besides', async () => {
    assert.equal((await post('/me/second-factor', { password: 'wrong' })).body['code'], 'wrong-password');
    const { secret } = await turnOn();
    assert.equal((await post('/me/second-factor', { password: PASSWORD })).body['code'], 'second-factor-on');
    const remove = (password: string, code: string) => post('/me/second-factor/remove', { password, code });
    assert.equal((await remove('wrong', codeNow(secret))).body['code'], 'wrong-password');
    assert.equal((await remove(PASSWORD, '000000')).body['code'], 'wrong-code');
    assert.equal((await remove(PASSWORD, codeNow(secret))).status, 204);
    assert.equal((await logIn()).status, 200);
  });

  it('is asked for when the password is changed, and stays on when it is reset', async () => {
    const { secret } = await turnOn();
    const change = (code?: string) =>
      post('/me/password', {
        currentPassword: PASSWORD,
        newPassword: 'another fine one',
        ...(code && { code }),
      });
    assert.equal((await change()).body['code'], 'second-factor-required');
    assert.equal((await change(codeNow(secret))).status, 204);
    const fresh = await identity.logIn('kim@example.com', 'another fine one');
    assert.equal(fresh.body['code'], 'second-factor-required');
  });

  it('is kept sealed, and its recovery codes as hashes', async () => {
    const { secret, recoveryCodes } = await turnOn();
    const rows = await identity.db.query<{ row: string }>(
      'SELECT f::text AS row FROM second_factor f UNION ALL SELECT r::text FROM recovery_code r',
    );
    const kept = rows.map(({ row }) => row).join(' ');
    assert.equal(kept.includes(fromBase32(String(secret)).toString('hex')), false);
    for (const code of recoveryCodes) assert.equal(kept.includes(Buffer.from(code).toString('hex')), false);
    assert.equal(rows.length, 11);
  });
});

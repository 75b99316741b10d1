import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it, mock } from 'node:test';
import { authorization, createBrowser } from '../testing/oidc-browser.ts';
import { basic, CALLBACK, ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';

const DAY_MS = 24 * 3_600_000;

/** The table of lifetimes, on a clock that is set. */
describe('lifetimes', () => {
  let oidc: Oidc;
  before(async () => {
    oidc = await startOidc();
  });
  after(() => oidc.close());
  // Only what time it is: timers go on.
  beforeEach(() => mock.timers.enable({ apis: ['Date'], now: Date.now() }));
  afterEach(() => mock.timers.reset());

  const pass = (ms: number) => mock.timers.tick(ms);
  async function refreshed(refreshToken: string): Promise<string | undefined> {
    const fields = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'mobile-app' };
    const { status, body } = await oidc.post('/token', fields);
    return status === 200 ? String(body['refresh_token']) : undefined;
  }

  it('end a session 30 days after its login, however often it is used, and not a day before', async () => {
    const mobile = await oidc.logInForLong({ clientId: 'mobile-app' });
    const password = await oidc.identity.logIn('bob@example.com', 'bob-password');
    let [token, plain] = [mobile.refreshToken, String(password.body['refreshToken'])];
    for (let day = 1; day <= 29; day += 1) {
      pass(DAY_MS);
      token = (await refreshed(token)) ?? '';
      assert.notEqual(token, '', `day ${day}`);
      const next = await oidc.identity.post('/auth/refresh', { refreshToken: plain });
      assert.equal(next.status, 200, `day ${day}`);
      plain = String(next.body['refreshToken']);
    }
    pass(DAY_MS);
    assert.equal(await refreshed(token), undefined);
    assert.equal((await oidc.identity.post('/auth/refresh', { refreshToken: plain })).status, 401);
  });

  it('end a session that nobody uses for 14 days', async () => {
    const [used, idle] = [
      await oidc.logInForLong({ clientId: 'mobile-app' }),
      await oidc.logInForLong({ clientId: 'mobile-app' }),
    ];
    pass(14 * DAY_MS - 60_000);
    const successor = await refreshed(used.refreshToken);
    assert.ok(successor);
    pass(120_000);
    assert.equal(await refreshed(idle.refreshToken), undefined);
    assert.ok(await refreshed(successor));
  });

  it('let a browser that comes back in time go on without a password', async () => {
    const { browser } = await oidc.logIn({ parameters: { scope: 'openid' } });
    const silently = async () => {
      const { callback } = await oidc.authorize({ browser, parameters: { scope: 'openid', prompt: 'none' } });
      return callback.searchParams.get('error');
    };
    pass(13 * DAY_MS);
    assert.equal(await silently(), null);
    pass(13 * DAY_MS);
    assert.equal(await silently(), null);
    pass(5 * DAY_MS);
    assert.equal(await silently(), 'login_required');
  });

  it('give a code a minute, and an access token five', async () => {
    const late = await oidc.authorize({ parameters: { scope: 'openid' } });
    pass(61_000);
    const code = late.callback.searchParams.get('code') ?? '';
    const fields = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: CALLBACK,
      code_verifier: late.verifier,
    };
    assert.equal(
      (await oidc.post('/token', fields, basic('web-app', 'web-app-secret'))).body['error'],
      'invalid_grant',
    );
    const { tokens } = await oidc.logIn({ parameters: { scope: 'openid orders.read' } });
    assert.equal(tokens.expires_in, 300);
    assert.equal((await oidc.identity.get('/me/sessions', tokens.access_token)).status, 200);
    pass(331_000); // clocks may differ by half a minute
    // What was verified before is remembered for no longer than it lives.
    assert.equal((await oidc.identity.get('/me/sessions', tokens.access_token)).status, 401);
  });

  it('show who left a login page open for hours a page to start again from', async () => {
    const browser = createBrowser(ORIGIN, oidc.send);
    const { url } = authorization(ISSUER, { client_id: 'web-app', redirect_uri: CALLBACK, scope: 'openid' });
    const page = await browser.visit(url);
    pass(2 * 3_600_000);
    const expired = await browser.submit(page, { email: 'alice@example.com', password: 'alice-password' });
    assert.equal(expired.status, 400);
    assert.ok(expired.text.includes('This page has expired'));
    assert.ok(expired.text.includes(`href="${ORIGIN}/"`));
  });

  it('let an expired ID token say who signs out', async () => {
    const { tokens, browser } = await oidc.logIn({ parameters: { scope: 'openid' } });
    pass(3 * DAY_MS);
    const query = new URLSearchParams({
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: `${ORIGIN}/`,
    });
    const page = await browser.visit(`${ISSUER}/session/end?${query}`);
    assert.equal((await browser.submit(page, { logout: 'yes' })).url, `${ORIGIN}/`);
  });

  it('prune what has expired, in pieces, and nothing else', async () => {
    const { db, app } = oidc.identity;
    const old = await oidc.logInForLong({ clientId: 'mobile-app' });
    pass(20 * DAY_MS);
    const fresh = await oidc.logInForLong({ clientId: 'mobile-app' });
    while ((await app.sessions.endExpired()) > 0);
    await db.query(
      `INSERT INTO auth_record (model, id_hash, payload, expires_at)
       SELECT 'AccessToken', sha256(n::text::bytea), '{}', now() - interval '3 days' FROM generate_series(1, 2500) AS n`,
    );
    await app.keepUp();
    const [left] = await db.query<{ expired: number }>(
      'SELECT count(*)::int AS expired FROM auth_record WHERE expires_at < $1',
      [new Date(Date.now() - 2 * DAY_MS)],
    );
    assert.equal(left?.expired, 0);
    assert.equal(await refreshed(old.refreshToken), undefined);
    assert.ok(await refreshed(fresh.refreshToken));
  });
});

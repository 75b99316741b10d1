import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createBrowser, type Fetch } from '../testing/oidc-browser.ts';
import { ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';
import { withoutDatabase } from '../testing.ts';

const SECOND = 'another fine password';

describe('the pages that mails lead to', () => {
  let oidc: Oidc;
  before(async () => {
    oidc = await startOidc();
    await oidc.identity.signUp('kim@example.com');
  });
  after(() => oidc.close());
  beforeEach(() => oidc.identity.db.query('DELETE FROM pace'));

  const browser = (send: Fetch = oidc.send) => createBrowser(ORIGIN, send);
  async function newest(type: string): Promise<string> {
    const rows = await oidc.identity.db.query<{ link: string }>(
      "SELECT (envelope::jsonb)->'data'->>'link' AS link FROM outbox WHERE type = $1 ORDER BY id DESC LIMIT 1",
      [`identity.${type}.v1`],
    );
    return rows[0]?.link ?? '';
  }
  async function resetLink(): Promise<string> {
    await browser().submit(await browser().visit(`${ISSUER}/forgot-password`), { email: 'kim@example.com' });
    await oidc.identity.app.sendResetLinks();
    return await newest('password-reset-asked');
  }

  it('are led to by the login page, and say the same for an address that nobody has', async () => {
    const { url } = await oidc.client('web-app').then((config) => ({
      url: `${ISSUER}/auth?${new URLSearchParams({
        ...{ client_id: config.clientMetadata().client_id, redirect_uri: 'http://127.0.0.1:4711/callback' },
        ...{
          response_type: 'code',
          scope: 'openid',
          code_challenge: 'x'.repeat(43),
          code_challenge_method: 'S256',
        },
      })}`,
    }));
    const login = await browser().visit(url);
    const [, href = ''] = /<a href="([^"]*)">Forgotten/.exec(login.text) ?? [];
    const page = await browser().visit(new URL(href, login.url).href);
    assert.match(page.text, /<h1>Forgotten your password\?<\/h1>/);
    const answers = [];
    for (const email of ['kim@example.com', 'nobody@example.com'])
      answers.push((await browser().submit(page, { email })).text);
    assert.equal(answers[0], answers[1]);
    assert.match(answers[0] ?? '', /Check your mail/);
    const wrong = await browser().submit(page, { email: 'no address"><b>' });
    assert.equal(wrong.status, 422);
    assert.ok(wrong.text.includes('value="no address&quot;&gt;&lt;b&gt;"'));
  });

  it('change nothing when programs open them, however often, and have no script', async () => {
    const link = await resetLink();
    for (const method of ['GET', 'HEAD', 'GET', 'OPTIONS']) await oidc.send(link, { method });
    const page = await browser().visit(link);
    assert.equal(page.status, 200);
    assert.match(
      page.headers.get('content-security-policy') ?? '',
      /^default-src 'none'; style-src 'sha256-/,
    );
    assert.equal(page.headers.get('cache-control'), 'no-store');
    assert.equal(page.text.includes('<script'), false);
    assert.ok(page.text.includes('for kim@example.com'));

    const weak = await browser().submit(page, { password: 'password1' });
    assert.equal(weak.status, 422);
    assert.match(weak.text, /role="alert">This password is among those/);
    const done = await browser().submit(weak, { password: SECOND });
    assert.match(done.text, /Your password is changed/);
    assert.equal((await oidc.identity.logIn('kim@example.com', SECOND)).status, 200);
    const twice = await browser().submit(page, { password: SECOND });
    assert.match(twice.text, /Your password is changed/);
    for (const used of [
      await browser().visit(link),
      await browser().submit(page, { password: 'a third fine one' }),
    ]) {
      assert.equal(used.status, 410);
      assert.match(used.text, /href="\/identity\/forgot-password">Ask for a new link/);
    }
  });

  it('confirm an address by a button', async () => {
    await oidc.identity.signUp('lea@example.com');
    const link = await newest('email-verification-asked');
    await oidc.send(link, { method: 'HEAD' });
    const page = await browser().visit(link);
    assert.match(page.text, /Is <b>lea@example\.com<\/b> yours/);
    const done = await browser().submit(page, {});
    assert.match(done.text, /Your e-mail address is confirmed/);
    assert.equal((await browser().submit(page, {})).text, done.text, 'a form that is sent twice');
    assert.equal((await browser().visit(link)).status, 410);
  });

  it('say when to try again while something is away, and keep what was typed', async () => {
    const { db } = oidc.identity;
    const page = await browser().visit(`${ISSUER}/forgot-password`);
    const away = await withoutDatabase(db, 'pace', () =>
      browser().submit(page, { email: 'kim@example.com' }),
    );
    assert.deepEqual([away.status, away.headers.get('retry-after')], [503, '5']);
    const again = await browser().submit(away, {});
    assert.ok(again.text.includes('value="kim@example.com"'));
    assert.match((await browser().submit(again, { email: 'kim@example.com' })).text, /Check your mail/);
  });

  it('take no form of another site', async () => {
    const link = await resetLink();
    const body = new URLSearchParams({
      token: new URL(link).searchParams.get('token') ?? '',
      password: SECOND,
    });
    const headers = { origin: 'https://evil.test' };
    assert.equal(
      (await oidc.send(`${ISSUER}/reset-password`, { method: 'POST', body, headers })).status,
      400,
    );
    const forged = new URLSearchParams({ email: 'kim@example.com' });
    const { db } = oidc.identity;
    await oidc.send(`${ISSUER}/forgot-password`, { method: 'POST', body: forged, headers });
    assert.deepEqual(await db.query('SELECT 1 FROM reset_request'), []);
    assert.equal((await browser().visit(link)).status, 200);
  });

  it('let no login through that was held back while the password was changed', async () => {
    await oidc.identity.signUp('max@example.com');
    const { db } = oidc.identity;
    // The password was right; before the redirect that begins the session, it is changed.
    const holding: Fetch = async (url, init) => {
      if (/\/auth\/[\w-]+$/.test(new URL(url).pathname))
        await db.query("UPDATE account SET version = version + 1 WHERE email = 'max@example.com'");
      return await oidc.send(url, init);
    };
    const query = new URLSearchParams({
      ...{ client_id: 'web-app', redirect_uri: 'http://127.0.0.1:4711/callback', response_type: 'code' },
      ...{ scope: 'openid', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' },
    });
    const held = browser(holding);
    const login = await held.visit(`${ISSUER}/auth?${query}`);
    const page = await held.submit(login, { email: 'max@example.com', password: 'a fine password' });
    assert.equal(page.status, 400);
    assert.match(page.text, /This page has expired/);
    const sessions = await db.query(
      "SELECT 1 FROM auth_session s JOIN account a ON a.id::text = s.account_id WHERE a.email = 'max@example.com'",
    );
    assert.deepEqual(sessions, []);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { codeOf, fromBase32, stepAt } from '../second-factor/totp.ts';
import { authorization, createBrowser } from '../testing/oidc-browser.ts';
import { CALLBACK, ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';
import { claimsOf } from '../testing.ts';

describe('a second factor in a browser', () => {
  const clock = createManualClock(new Date());
  let oidc: Oidc;
  let secret = '';
  before(async () => {
    oidc = await startOidc({ clock });
    await oidc.identity.signUp('kim@example.com');
  });
  after(() => oidc.close());

  const code = () => codeOf(fromBase32(secret), stepAt(clock.now().getTime()));
  const begin = () =>
    authorization(ISSUER, { client_id: 'web-app', redirect_uri: CALLBACK, scope: 'openid orders.read' });

  it('is set up with a QR code that is made here, without a script', async () => {
    const browser = createBrowser(ORIGIN, oidc.send);
    const start = await browser.visit(`${ISSUER}/second-factor`);
    const wrong = await browser.submit(start, { email: 'kim@example.com', password: 'wrong' });
    assert.equal(wrong.status, 401);
    const page = await browser.submit(start, { email: 'kim@example.com', password: 'a fine password' });
    assert.match(page.text, /<div class="qr" role="img"[^>]*><svg /);
    assert.equal(page.text.includes('<script'), false);
    secret = /name="secret" value="([A-Z2-7]{32})"/.exec(page.text)?.[1] ?? '';
    const again = await browser.submit(page, { code: '000000' });
    assert.equal(again.status, 422);
    assert.ok(again.text.includes(secret), 'it is shown again');
    const done = await browser.submit(again, { code: code() });
    assert.equal(done.text.match(/<li><code>[A-Z2-7-]{19}<\/code>/g)?.length, 10);
    const twice = await browser.submit(again, { code: code() });
    assert.equal(twice.text.match(/<li><code>[A-Z2-7-]{19}<\/code>/g)?.length, 10, 'sent twice');
    const forged = await browser.submit(page, { code: code(), ticket: 'x'.repeat(80) });
    assert.equal(forged.status, 410);
    await clock.advance(30_000);
    const second = await browser.submit(start, { email: 'kim@example.com', password: 'a fine password' });
    assert.equal((await browser.submit(second, { code: '000000' })).status, 401);
    const on = await browser.submit(second, { code: code() });
    assert.match(on.text, /is on already/);
  });

  it('is the second page of a login, and tokens say so', async () => {
    await clock.advance(30_000);
    const browser = createBrowser(ORIGIN, oidc.send);
    const asked = begin();
    const login = await browser.visit(asked.url);
    const second = await browser.submit(login, { email: 'kim@example.com', password: 'a fine password' });
    assert.match(second.text, /<h1>Enter the code<\/h1>/);
    const wrong = await browser.submit(second, { code: '000000' });
    assert.equal(wrong.status, 401);
    // Whoever skips the page has no session.
    assert.match((await browser.visit(asked.url)).text, /<h1>Sign in<\/h1>/);
    const stranger = await browser.submit(wrong, { code: code(), ticket: 'made up' });
    assert.match(stranger.text, /<h1>Sign in<\/h1>/);

    const consent = await browser.submit(wrong, { code: code() });
    const end = await browser.submit(consent, {});
    const fields = {
      grant_type: 'authorization_code',
      code: new URL(end.url).searchParams.get('code') ?? '',
    };
    const { body } = await oidc.post(
      '/token',
      { ...fields, redirect_uri: CALLBACK, code_verifier: asked.verifier },
      { authorization: `Basic ${Buffer.from('web-app:web-app-secret').toString('base64')}` },
    );
    for (const token of [body['id_token'], body['access_token']]) {
      const { amr, acr } = claimsOf(token);
      assert.deepEqual([amr, acr], [['pwd', 'otp', 'mfa'], 'urn:flotilla:acr:multi-factor']);
    }
  });

  it('is not there for who has none: one page, and tokens say that it was a password', async () => {
    const { tokens } = await oidc.logIn({ parameters: { scope: 'openid orders.read' } });
    const { amr, acr } = claimsOf(tokens.id_token);
    assert.deepEqual([amr, acr], [['pwd'], 'urn:flotilla:acr:password']);
  });
});

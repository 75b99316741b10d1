import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type BrowserPage, CHROMIUM, openChromium } from '../testing/chromium.ts';
import { authorization } from '../testing/oidc-browser.ts';
import { CALLBACK, type Oidc, startOidc } from '../testing/oidc-rig.ts';

const ISSUER = 'http://localhost:8080/identity';

describe('a passkey in Chromium', { skip: CHROMIUM === undefined && 'there is no Chromium' }, () => {
  let oidc: Oidc;
  let browser: BrowserPage;
  before(async () => {
    oidc = await startOidc({ issuer: ISSUER });
    browser = await openChromium(CHROMIUM ?? '', { 'localhost:8080': new URL(oidc.url).host });
    await browser.command('WebAuthn.enable', {});
    await browser.command('WebAuthn.addVirtualAuthenticator', {
      options: {
        ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true },
        ...{ isUserVerified: true, automaticPresenceSimulation: true },
      },
    });
  });
  after(async () => {
    await browser?.close();
    await oidc?.close();
  });

  const press = (text: string) =>
    `[...document.querySelectorAll('button')].find((button) => button.textContent === '${text}').click()`;
  const login = () =>
    authorization(ISSUER, {
      ...{ client_id: 'web-app', redirect_uri: CALLBACK, scope: 'openid' },
    }).url;
  const signedIn = async () =>
    (await oidc.identity.db.query('SELECT 1 FROM auth_session WHERE ended_at IS NULL')).length;

  it('is added, signs in, comes after the password, and is removed', async () => {
    await browser.goTo(`${ISSUER}/passkeys`);
    await browser.until('the password', "document.title.startsWith('Your passkeys')");
    assert.equal(await browser.evaluate('document.scripts.length'), 0, 'nothing here needs one');
    await browser.evaluate(
      `email.value = 'alice@example.com'; password.value = 'alice-password'; ${press('Continue')}`,
    );
    await browser.until('the list', "document.title.startsWith('Passkeys')");
    await browser.evaluate(press('Add a passkey'));
    await browser.until('the recovery codes', "document.title.startsWith('Recovery codes')");

    await browser.goTo(login());
    await browser.until('the login page', "document.title.startsWith('Sign in')");
    const before = await signedIn();
    await browser.evaluate(press('Sign in with a passkey'));
    await browser.until('the question', "document.title.startsWith('Allow access')");
    assert.equal(await signedIn(), before + 1);
    await oidc.identity.db.query('UPDATE auth_session SET ended_at = now() WHERE ended_at IS NULL');

    await browser.command('Network.clearBrowserCookies', {});
    await browser.goTo(login());
    await browser.until('the login page', "document.title.startsWith('Sign in')");
    await browser.evaluate(
      `email.value = 'alice@example.com'; password.value = 'alice-password'; ${press('Sign in')}`,
    );
    await browser.until('the second step', "document.title.startsWith('One more step')");
    await browser.evaluate(press('Use your passkey'));
    await browser.until('the question', "document.title.startsWith('Allow access')");

    await browser.goTo(`${ISSUER}/passkeys`);
    await browser.until('the password', "document.title.startsWith('Your passkeys')");
    await browser.evaluate(
      `email.value = 'alice@example.com'; password.value = 'alice-password'; ${press('Continue')}`,
    );
    await browser.until('the second step', "document.title.startsWith('One more step')");
    await browser.evaluate(press('Use your passkey'));
    await browser.until('the list', "document.title.startsWith('Passkeys')");
    await browser.evaluate(press('Remove'));
    await browser.until('it is gone', "document.body.textContent.includes('The passkey is removed')");
    assert.deepEqual(await oidc.identity.db.query('SELECT 1 FROM passkey'), []);
  });

  it('that is cancelled leaves the page as it was', async () => {
    await browser.command('Network.clearBrowserCookies', {});
    await browser.goTo(login());
    await browser.until('the login page', "document.title.startsWith('Sign in')");
    const cancelled = "() => Promise.reject(new DOMException('cancelled', 'NotAllowedError'))";
    await browser.evaluate(`navigator.credentials.get = ${cancelled}`);
    await browser.evaluate(press('Sign in with a passkey'));
    await browser.until(
      'it says so',
      "document.querySelector('form[data-passkey] [role=status]').textContent.startsWith('That was cancelled')",
    );
    assert.equal(
      await browser.evaluate("document.querySelector('form[data-passkey] button').disabled"),
      false,
    );
  });
});

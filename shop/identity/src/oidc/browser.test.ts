import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type BrowserPage, CHROMIUM, openChromium } from '../testing/chromium.ts';
import { ISSUER, type Oidc, startOidc } from '../testing/oidc-rig.ts';

const LIBRARY = readFileSync(
  fileURLToPath(import.meta.resolve('oidc-client-ts')).replace(
    /dist\/.*$/,
    'dist/browser/oidc-client-ts.min.js',
  ),
);

/** A page of another origin that signs in with a library, as single-page applications do. */
const page = (
  origin: string,
) => `<!doctype html><title>application</title><script src="/library.js"></script><script>
  const manager = new oidc.UserManager({
    authority: '${ISSUER}', client_id: 'browser-app', scope: 'openid profile email',
    redirect_uri: '${origin}/callback', silent_redirect_uri: '${origin}/callback',
    post_logout_redirect_uri: '${origin}/', loadUserInfo: true, revokeTokensOnSignout: true,
    automaticSilentRenew: false,
  });
  if (location.pathname === '/callback')
    (window.parent === window ? manager.signinRedirectCallback() : manager.signinSilentCallback())
      .then((user) => { window.user = user; }, (error) => { window.problem = String(error); });
</script>`;

async function startPage(): Promise<{ readonly server: Server; readonly origin: string }> {
  const server = createServer((req, res) => {
    const isLibrary = req.url === '/library.js';
    res.setHeader('content-type', isLibrary ? 'text/javascript' : 'text/html');
    res.end(isLibrary ? LIBRARY : page(`http://${req.headers.host}`));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('oidc-client-ts in Chromium', { skip: CHROMIUM === undefined && 'there is no Chromium' }, () => {
  let oidc: Oidc;
  let browser: BrowserPage;
  let application: Awaited<ReturnType<typeof startPage>>;
  before(async () => {
    application = await startPage();
    const { origin } = application;
    oidc = await startOidc({
      clients: [
        {
          ...{ id: 'browser-app', name: 'An application in the browser', kind: 'browser' },
          scopes: ['openid', 'profile', 'email'],
          redirectUris: [`${origin}/callback`],
          postLogoutRedirectUris: [`${origin}/`],
        },
      ],
    });
    browser = await openChromium(CHROMIUM ?? '', { '127.0.0.1:8080': new URL(oidc.url).host });
  });
  after(async () => {
    await browser?.close();
    application?.server.closeAllConnections();
    application?.server.close();
    await oidc?.close();
  });

  const press = (text: string) =>
    `[...document.querySelectorAll('button')].find((button) => button.textContent === '${text}').click()`;

  it('signs in by pages that need no script, reads userinfo, renews in a frame and signs out', async () => {
    const { origin } = application;
    await browser.goTo(`${origin}/`);
    await browser.until('the library is there', "typeof manager === 'object'");
    await browser.evaluate('void manager.signinRedirect()');

    await browser.until('the login page', "document.title.startsWith('Sign in')");
    await browser.until('the address is asked for first', "document.activeElement?.id === 'email'");
    assert.equal(await browser.evaluate('document.scripts.length'), 0);
    // The strict policy let the sheet in.
    assert.equal(
      await browser.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius"),
      '28px',
    );
    await browser.evaluate(
      `email.value = 'alice@example.com'; password.value = 'alice-password'; ${press('Sign in')}`,
    );
    await browser.until('the question', "document.title.startsWith('Allow access')");
    // The policy for forms counts the redirect to the application as part of sending one.
    await browser.evaluate(press('Allow'));
    await browser.until(
      'the response',
      "location.pathname === '/callback' && Boolean(window.user ?? window.problem)",
    );
    assert.equal(await browser.evaluate('window.problem'), undefined);
    assert.equal(await browser.evaluate('user.profile.email'), 'alice@example.com');

    const renewed = 'manager.signinSilent().then((user) => user.profile.name, (error) => String(error))';
    assert.equal(await browser.evaluate(renewed), 'Alice Adams');

    await browser.evaluate('void manager.signoutRedirect()');
    await browser.until('the question', "document.title.startsWith('Sign out')");
    await browser.evaluate(press('Sign out'));
    await browser.until('the application', `location.href === '${origin}/'`);
    const ends = await oidc.identity.db.query("SELECT 1 FROM auth_session WHERE end_reason = 'signed-out'");
    assert.equal(ends.length, 1);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createBrowser } from '../testing/oidc-browser.ts';
import { CALLBACK, ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../../../docs/openid-conformance.md'), 'utf8');

/** Modules of certification plans of the OpenID Foundation, by their names there. */
describe('the plans of OpenID conformance', () => {
  let oidc: Oidc;
  before(async () => {
    oidc = await startOidc();
  });
  after(() => oidc.close());

  /** A module that is not on the page of the documentation fails. */
  const module = (name: string, run: () => Promise<void>) =>
    it(name, async () => {
      assert.ok(PAGE.includes(`\`${name}\``), `${name} belongs into docs/openid-conformance.md`);
      await run();
    });
  const claimsOfLogin = async (asked: Parameters<Oidc['logIn']>[0]) =>
    (await oidc.logIn(asked)).tokens.claims();

  for (const [name, parameters] of [
    ['oidcc-server', {}],
    ['oidcc-ensure-request-without-nonce-succeeds-for-code-flow', { scope: 'openid' }],
    ['oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' }],
    ['oidcc-ensure-other-scope-order-succeeds', { scope: 'email openid' }],
    ['oidcc-ui-locales', { ui_locales: 'se' }],
    ['oidcc-claims-locales', { claims_locales: 'se' }],
    ['oidcc-display-page', { display: 'page' }],
    ['oidcc-display-popup', { display: 'popup' }],
    ['oidcc-ensure-request-with-acr-values-succeeds', { acr_values: '1 2' }],
  ] as const)
    module(name, async () => {
      const claims = await claimsOfLogin({ parameters: { ...parameters } });
      assert.equal(claims?.iss, ISSUER);
      assert.ok(typeof claims?.sub === 'string' && claims.sub.length <= 255);
      assert.ok(typeof claims['auth_time'] === 'number');
    });

  module('oidcc-scope-profile', async () => {
    assert.equal((await claimsOfLogin({ parameters: { scope: 'openid profile' } }))?.['name'], 'Alice Adams');
  });

  module('oidcc-scope-email', async () => {
    const claims = await claimsOfLogin({ parameters: { scope: 'openid email' } });
    assert.deepEqual([claims?.['email'], claims?.['email_verified']], ['alice@example.com', true]);
    assert.equal(claims?.['name'], undefined);
  });

  module('oidcc-response-type-missing', async () => {
    const query = new URLSearchParams({ client_id: 'web-app', redirect_uri: CALLBACK, scope: 'openid' });
    const { url } = await createBrowser(ORIGIN, oidc.send).visit(`${ISSUER}/auth?${query}`);
    assert.equal(new URL(url).searchParams.get('error'), 'invalid_request');
  });

  for (const [name, send] of [
    ['oidcc-userinfo-get', (token: string) => ({ headers: { authorization: `Bearer ${token}` } })],
    [
      'oidcc-userinfo-post-header',
      (token: string) => ({ method: 'POST', headers: { authorization: `Bearer ${token}` } }),
    ],
    [
      'oidcc-userinfo-post-body',
      (token: string) => ({ method: 'POST', body: new URLSearchParams({ access_token: token }) }),
    ],
  ] as const)
    module(name, async () => {
      const { tokens } = await oidc.logIn();
      const answer = await oidc.send(`${ISSUER}/me`, send(tokens.access_token));
      assert.equal(answer.status, 200);
      assert.equal(((await answer.json()) as { readonly sub: string }).sub, tokens.claims()?.sub);
    });

  module('oidcc-prompt-none-not-logged-in', async () => {
    const { callback } = await oidc.authorize({ parameters: { prompt: 'none' } });
    assert.equal(callback.searchParams.get('error'), 'login_required');
  });

  for (const [name, parameters] of [
    ['oidcc-prompt-none-logged-in', { prompt: 'none' }],
    ['oidcc-max-age-10000', { max_age: '10000' }],
  ] as const)
    module(name, async () => {
      const first = await oidc.logIn();
      const again = await claimsOfLogin({ browser: first.browser, parameters: { ...parameters } });
      const { sub, auth_time: at } = first.tokens.claims() ?? {};
      assert.deepEqual([again?.sub, again?.['auth_time']], [sub, at]);
    });

  module('oidcc-id-token-hint', async () => {
    const { browser, tokens } = await oidc.logIn();
    const parameters = { prompt: 'none', id_token_hint: tokens.id_token ?? '' };
    assert.equal((await claimsOfLogin({ browser, parameters }))?.sub, tokens.claims()?.sub);
  });

  for (const [name, parameters] of [
    ['oidcc-prompt-login', { prompt: 'login' }],
    ['oidcc-max-age-1', { max_age: '1' }],
  ] as const)
    module(name, async () => {
      const { browser, tokens } = await oidc.logIn();
      // As if some seconds had gone by.
      await oidc.identity.db.query(
        `UPDATE auth_record SET payload = jsonb_set(payload, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 5))
         WHERE model = 'Session'`,
      );
      const query = new URLSearchParams({
        ...{
          client_id: 'web-app',
          redirect_uri: CALLBACK,
          response_type: 'code',
          scope: 'openid',
          ...parameters,
        },
        ...{ code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' },
      });
      const page = await browser.visit(`${ISSUER}/auth?${query}`);
      assert.match(page.text, /enter your password again\. You are signed in as <b>alice@example\.com/);
      const again = await claimsOfLogin({ browser, parameters: { ...parameters } });
      assert.ok(Number(again?.['auth_time']) > Number(tokens.claims()?.['auth_time']) - 5);
      assert.equal(again?.sub, tokens.claims()?.sub);
    });

  module('oidcc-login-hint', async () => {
    const query = new URLSearchParams({
      ...{ client_id: 'web-app', redirect_uri: CALLBACK, response_type: 'code', scope: 'openid' },
      ...{ login_hint: 'buffy@example.com', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' },
    });
    const page = await createBrowser(ORIGIN, oidc.send).visit(`${ISSUER}/auth?${query}`);
    assert.match(page.text, /name="email" type="email" value="buffy@example\.com"/);
  });

  module('oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported', async () => {
    const query = new URLSearchParams({
      ...{
        client_id: 'web-app',
        redirect_uri: CALLBACK,
        response_type: 'code',
        scope: 'openid',
        request: 'x.y.',
      },
    });
    const { url } = await createBrowser(ORIGIN, oidc.send).visit(`${ISSUER}/auth?${query}`);
    assert.equal(new URL(url).searchParams.get('error'), 'request_not_supported');
  });

  const BYE = 'http://127.0.0.1:4711/';
  const unsigned = (token: string) =>
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`;
  /** By the ID token: what the application sends the browser with, and where that ends; `undefined`: at a page of the issuer. */
  const LOGOUTS: Readonly<Record<string, readonly [(token: string) => Record<string, string>, string?]>> = {
    '': [(token) => ({ id_token_hint: token, post_logout_redirect_uri: BYE, state: 's' }), `${BYE}?state=s`],
    '-no-state': [(token) => ({ id_token_hint: token, post_logout_redirect_uri: BYE }), BYE],
    '-no-post-logout-redirect-uri': [(token) => ({ id_token_hint: token, state: 's' })],
    '-no-id-token-hint': [() => ({ post_logout_redirect_uri: BYE, state: 's' })],
    '-only-state': [() => ({ state: 's' })],
    '-no-params': [() => ({})],
    '-bad-post-logout-redirect-uri': [
      (token) => ({ id_token_hint: token, post_logout_redirect_uri: `${BYE}elsewhere`, state: 's' }),
    ],
    '-query-added-to-post-logout-redirect-uri': [
      (token) => ({ id_token_hint: token, post_logout_redirect_uri: `${BYE}?foo=bar`, state: 's' }),
    ],
    '-bad-id-token-hint': [
      (token) => ({ id_token_hint: `${token.slice(0, -8)}AAAAAAAA`, post_logout_redirect_uri: BYE }),
    ],
    '-modified-id-token-hint': [
      (token) => ({ id_token_hint: unsigned(token), post_logout_redirect_uri: BYE, state: 's' }),
    ],
  };
  for (const [name, [parametersOf, end]] of Object.entries(LOGOUTS))
    module(`oidcc-rp-initiated-logout${name}`, async () => {
      const { browser, tokens } = await oidc.logIn();
      const parameters = new URLSearchParams(parametersOf(tokens.id_token ?? ''));
      const asked = await browser.visit(`${ISSUER}/session/end?${parameters}`);
      const isAsked = asked.text.includes('Sign out?');
      const page = isAsked ? await browser.submit(asked, { logout: 'yes' }) : asked;
      if (end !== undefined) return assert.equal(page.url, end);
      assert.ok(page.url.startsWith(ISSUER), page.url);
      assert.match(page.text, isAsked ? /You are signed out|Signed out of/ : /That did not work/);
    });

  module('oidcc-rp-initiated-logout-discovery-endpoint-verification', async () => {
    const metadata = await oidc.send(`${ISSUER}/.well-known/openid-configuration`);
    const { end_session_endpoint: address } = (await metadata.json()) as Record<string, unknown>;
    assert.equal(address, `${ISSUER}/session/end`);
  });

  module('oidcc-backchannel-logout-discovery-endpoint-verification', async () => {
    const metadata = await oidc.send(`${ISSUER}/.well-known/openid-configuration`);
    const says = (await metadata.json()) as Record<string, unknown>;
    assert.equal(says['backchannel_logout_supported'], true);
    assert.equal(says['backchannel_logout_session_supported'], true);
  });
});

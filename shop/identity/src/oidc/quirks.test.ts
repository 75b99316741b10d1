import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as openid from 'openid-client';
import { createBrowser } from '../testing/oidc-browser.ts';
import { basic, CALLBACK, ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';
import type { Client } from './clients.ts';

const PAGE = 'http://127.0.0.1:5173';
const common = { scopes: ['openid', 'email', 'offline_access', 'orders.read'], redirectUris: [CALLBACK] };
const CLIENTS: readonly Client[] = [
  { ...common, id: 'browser-app', name: 'In a browser', kind: 'browser', redirectUris: [`${PAGE}/callback`] },
  { ...common, id: 'no-pkce', name: 'Without PKCE', kind: 'web', withoutPkce: true },
  { ...common, id: 'apache', name: 'Apache', kind: 'web', withoutIssuerInErrors: true },
];

/** What real clients do that the standards do not say, or not to everybody. */
describe('clients as they are', () => {
  let oidc: Oidc;
  const warnings: { readonly fields: Record<string, unknown>; readonly message: string }[] = [];
  before(async () => {
    const { silentLogger } = await import('@flotilla/telemetry');
    const warn = (fields: Record<string, unknown>, message: string) =>
      void warnings.push({ fields, message });
    oidc = await startOidc({
      clients: CLIENTS,
      logger: { ...silentLogger, warn: warn as typeof silentLogger.warn },
    });
  });
  after(() => oidc.close());

  const refreshForm = (refreshToken: string) => ({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
  });

  it('in a browser may call from where they are at home, and from nowhere else', async () => {
    const preflight = (origin: string, path: string) =>
      oidc.send(`${ISSUER}${path}`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization',
        },
      });
    for (const path of [
      '/token',
      '/me',
      '/token/revocation',
      '/jwks',
      '/.well-known/openid-configuration',
    ].slice(0, 3)) {
      const response = await preflight(PAGE, path);
      assert.equal(response.status, 204, path);
      assert.equal(response.headers.get('access-control-allow-headers'), 'authorization');
    }
    const asked = { ...refreshForm('unknown'), client_id: 'browser-app' };
    const home = await oidc.post('/token', asked, { origin: PAGE });
    assert.equal(home.body['error'], 'invalid_grant');
    assert.equal(home.headers.get('access-control-allow-origin'), PAGE);
    for (const origin of ['http://evil.test', 'null', 'http://127.0.0.1:5173.evil.test']) {
      const away = await oidc.post('/token', asked, { origin });
      assert.equal(away.body['error'], 'invalid_request', origin);
      assert.equal(away.headers.get('access-control-allow-origin'), null, origin);
    }
    const keys = await oidc.send(`${ISSUER}/jwks`, { headers: { origin: PAGE } });
    assert.equal(keys.headers.get('access-control-allow-origin'), '*');
  });

  it('get no type where there is nothing to read', async () => {
    const { refreshToken } = await oidc.logInForLong();
    const revoked = await oidc.post(
      '/token/revocation',
      { token: refreshToken },
      basic('web-app', 'web-app-secret'),
    );
    assert.equal(revoked.status, 200);
    assert.equal(revoked.text, '');
    assert.equal(revoked.headers.get('content-type'), null);
  });

  it('may send an empty secret when they have none', async () => {
    const { refreshToken } = await oidc.logInForLong({ clientId: 'mobile-app' });
    const refreshed = await oidc.post('/token', refreshForm(refreshToken), basic('mobile-app', ''));
    assert.equal(refreshed.status, 200);
    const confidential = await oidc.post('/token', refreshForm(refreshToken), basic('web-app', ''));
    assert.equal(confidential.status, 401);
  });

  it('may send their secret in either way, whichever they are registered for', async () => {
    const form = { grant_type: 'client_credentials', scope: 'inventory.read' };
    const secret = { client_id: 'order-service', client_secret: 'order-service-secret' };
    assert.equal((await oidc.post('/token', { ...form, ...secret })).status, 200);
    assert.equal(
      (await oidc.post('/token', form, basic('order-service', 'order-service-secret'))).status,
      200,
    );
  });

  it('that cannot do PKCE are marked, and send a nonce', async () => {
    const visit = (id: string, more: Record<string, string>) => {
      const query = {
        client_id: id,
        redirect_uri: CALLBACK,
        scope: 'openid',
        response_type: 'code',
        ...more,
      };
      return createBrowser(ORIGIN, oidc.send).visit(`${ISSUER}/auth?${new URLSearchParams(query)}`);
    };
    assert.ok((await visit('no-pkce', { nonce: 'n' })).text.includes('Sign in'));
    for (const [id, more] of [
      ['no-pkce', {}],
      ['web-app', { nonce: 'n' }],
    ] as const)
      assert.equal(new URL((await visit(id, more)).url).searchParams.get('error'), 'invalid_request', id);
  });

  it('that trip over `iss` beside an error get none there, and do beside a code', async () => {
    const asked = { clientId: 'apache', parameters: { prompt: 'none', scope: 'openid' } };
    const refused = await oidc.authorize(asked);
    assert.equal(refused.callback.searchParams.get('error'), 'login_required');
    assert.equal(refused.callback.searchParams.get('iss'), null);
    const { callback } = await oidc.authorize({ clientId: 'apache', parameters: { scope: 'openid' } });
    assert.equal(callback.searchParams.get('iss'), ISSUER);
  });

  it('may ask for authorization by POST, from another site too', async () => {
    const fields = { client_id: 'web-app', scope: 'openid', response_type: 'code', state: 'a b' };
    const posted = await oidc.post('/auth', fields);
    assert.equal(posted.status, 303);
    assert.equal(posted.headers.get('location'), `/identity/auth?${new URLSearchParams(fields)}`);
    const text = await oidc.send(`${ISSUER}/auth`, {
      method: 'POST',
      body: 'x',
      headers: { 'content-type': 'text/plain' },
    });
    assert.equal(text.status, 400);
  });

  it('are told in the log what they asked for in vain', async () => {
    const said = async (parameters: Record<string, string>) => {
      warnings.length = 0;
      await oidc.authorize({ parameters });
      return warnings.map(({ message }) => message).join('; ');
    };
    assert.match(
      await said({ scope: 'openid offline_access' }),
      /offline_access was dropped: it needs prompt=consent/,
    );
    assert.match(await said({ scope: 'openid orders.raed' }), /scopes were dropped/);
    assert.match(await said({ scope: 'openid', audience: 'flotilla' }), /audience was ignored/);
    assert.equal(await said({ scope: 'openid orders.read' }), '');
  });

  it('share a host with others: cookies have the port in their name and the path of the issuer', async () => {
    const { browser } = await oidc.logIn();
    const session = [...browser.cookies].filter(([key]) => key.startsWith('_session'));
    assert.deepEqual(session.map(([key]) => key).sort(), [
      '_session_8080 /identity',
      '_session_8080.sig /identity',
    ]);
  });

  it('on a phone are called back by their own scheme', async () => {
    const { callback, tokens } = await oidc.logIn({
      clientId: 'mobile-app',
      parameters: { scope: 'openid' },
    });
    assert.ok(callback.href.startsWith('myapp://callback?'), callback.href);
    assert.ok(tokens.claims()?.sub);
  });

  it('may bind their tokens to a key, and a stolen refresh token is of no use then', async () => {
    const { refreshToken } = await oidc.logInForLong({ clientId: 'mobile-app' });
    const config = await oidc.client('mobile-app');
    const keys = await openid.randomDPoPKeyPair();
    const bound = await openid.refreshTokenGrant(config, refreshToken, undefined, {
      DPoP: openid.getDPoPHandle(config, keys),
    });
    assert.equal(bound.token_type, 'dpop');
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createBrowser } from '../testing/oidc-browser.ts';
import { basic, CALLBACK, ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';

const VERIFIER = 'v'.repeat(43);

/** What must not work, of the attacks on authorization servers that are known. */
describe('the OpenID provider refuses', () => {
  let oidc: Oidc;
  before(async () => {
    oidc = await startOidc();
  });
  after(() => oidc.close());

  async function ask(parameters: Record<string, string>) {
    const query = new URLSearchParams({
      client_id: 'web-app',
      redirect_uri: CALLBACK,
      scope: 'openid',
      ...parameters,
    });
    return await createBrowser(ORIGIN, oidc.send).visit(`${ISSUER}/auth?${query}`);
  }

  async function redeem(
    callback: URL,
    fields: Record<string, string>,
    headers = basic('web-app', 'web-app-secret'),
  ) {
    const code = callback.searchParams.get('code') ?? '';
    return await oidc.post(
      '/token',
      { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, ...fields },
      headers,
    );
  }

  for (const [what, parameters, error] of [
    ['no PKCE', { response_type: 'code' }, 'invalid_request'],
    [
      'PKCE with `plain`',
      { response_type: 'code', code_challenge: VERIFIER, code_challenge_method: 'plain' },
      'invalid_request',
    ],
    ['the implicit flow', { response_type: 'id_token token', nonce: 'n' }, 'unsupported_response_type'],
    [
      'an ID token from the authorization endpoint',
      { response_type: 'code id_token', nonce: 'n' },
      'unsupported_response_type',
    ],
  ] as const)
    it(what, async () => {
      const { url } = await ask(parameters);
      assert.ok(url.startsWith(CALLBACK), url);
      const { searchParams, hash } = new URL(url);
      assert.equal(searchParams.get('error') ?? new URLSearchParams(hash.slice(1)).get('error'), error);
    });

  it('an unknown redirect, client or host word with a page, never by a redirect', async () => {
    const pkce = { response_type: 'code', code_challenge: VERIFIER, code_challenge_method: 'S256' };
    for (const wrong of [
      { redirect_uri: 'http://127.0.0.1:4711/callback/more' },
      { redirect_uri: 'http://127.0.0.1.evil.test:4711/callback' },
      { redirect_uri: 'https://evil.test/callback' },
      { client_id: 'nobody' },
      { redirect_uri: '' },
    ]) {
      const page = await ask({ ...pkce, ...wrong });
      assert.equal(page.status, 400, JSON.stringify(wrong));
      assert.ok(page.text.includes('That did not work'));
      assert.equal(page.text.includes('evil.test'), false);
    }
  });

  it('a code with a wrong or short verifier, another address or another client, and the login survives', async () => {
    const { callback, verifier, browser } = await oidc.authorize({ parameters: { scope: 'openid' } });
    for (const [fields, headers] of [
      [{ code_verifier: 'x'.repeat(43) }, undefined],
      [{ code_verifier: 'short' }, undefined],
      [{}, undefined],
      [{ code_verifier: verifier, redirect_uri: `${CALLBACK}/` }, undefined],
      [{ code_verifier: verifier, client_id: 'mobile-app' }, {}],
    ] as const) {
      const { status, body } = await redeem(callback, fields, headers as ReturnType<typeof basic>);
      assert.equal(status, 400);
      assert.match(String(body['error']), /^invalid_(grant|request)$/);
    }
    assert.equal((await redeem(callback, { code_verifier: verifier })).status, 200);
    const again = await oidc.authorize({ browser, parameters: { prompt: 'none', scope: 'openid' } });
    assert.ok(again.callback.searchParams.get('code'));
  });

  it('a password in the token request, a client without its secret, and two ways at once', async () => {
    const password = { grant_type: 'password', username: 'alice@example.com', password: 'alice-password' };
    assert.equal(
      (await oidc.post('/token', password, basic('web-app', 'web-app-secret'))).body['error'],
      'unsupported_grant_type',
    );
    const service = { grant_type: 'client_credentials', scope: 'inventory.read' };
    assert.equal((await oidc.post('/token', { ...service, client_id: 'order-service' })).status, 401);
    const twice = { ...service, client_id: 'order-service', client_secret: 'order-service-secret' };
    assert.equal(
      (await oidc.post('/token', twice, basic('order-service', 'order-service-secret'))).status,
      400,
    );
    assert.equal((await oidc.post('/token', service, basic('nobody', 'order-service-secret'))).status, 401);
  });

  it('a refresh with more scopes or for another resource, without using up the token', async () => {
    const { refreshToken } = await oidc.logInForLong({
      parameters: { scope: 'openid offline_access orders.read' },
    });
    const fields = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const credentials = basic('web-app', 'web-app-secret');
    assert.equal(
      (await oidc.post('/token', { ...fields, scope: 'openid orders.write' }, credentials)).body['error'],
      'invalid_scope',
    );
    assert.equal(
      (await oidc.post('/token', { ...fields, resource: 'https://elsewhere.test/' }, credentials)).body[
        'error'
      ],
      'invalid_target',
    );
    assert.equal(
      (await oidc.post('/token', { ...fields, client_id: 'mobile-app' })).body['error'],
      'invalid_grant',
    );
    assert.equal((await oidc.post('/token', fields, credentials)).status, 200);
  });

  it('methods and bodies that it has no use for', async () => {
    assert.equal((await oidc.send(`${ISSUER}/token`)).status, 404);
    const json = await oidc.send(`${ISSUER}/token`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(json.status, 400);
    assert.equal((await oidc.post('/reg', { redirect_uris: 'x' })).status, 404);
    const large = await oidc.post('/token', { grant_type: 'x'.repeat(80_000) });
    assert.equal(large.status, 400);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeProtectedHeader } from 'jose';
import * as openid from 'openid-client';
import { ALL_SCOPES, basic, CALLBACK, ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';
import { claimsOf } from '../testing.ts';

describe('the OpenID provider', () => {
  let oidc: Oidc;
  before(async () => {
    oidc = await startOidc();
  });
  after(() => oidc.close());

  it('says where it is by its issuer, whatever a request claims', async () => {
    const headers = {
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.test',
    };
    for (const address of [
      `${ISSUER}/.well-known/openid-configuration`,
      `${ORIGIN}/.well-known/oauth-authorization-server/identity`,
    ]) {
      const response = await oidc.send(address, { headers });
      assert.equal(response.status, 200, address);
      const metadata = (await response.json()) as Record<string, unknown>;
      assert.equal(metadata['issuer'], ISSUER);
      assert.equal(metadata['jwks_uri'], `${ISSUER}/jwks`);
      assert.equal(metadata['token_endpoint'], `${ISSUER}/token`);
      assert.equal(metadata['backchannel_logout_session_supported'], true);
      assert.deepEqual(metadata['response_types_supported'], ['code']);
      assert.deepEqual(metadata['code_challenge_methods_supported'], ['S256']);
      assert.equal(JSON.stringify(metadata).includes('evil'), false);
      assert.equal((await oidc.send(address, { method: 'HEAD' })).status, 200);
    }
  });

  it('signs a user in, and says who it is in the ID token and at userinfo', async () => {
    const { tokens, config, callback } = await oidc.logIn();
    assert.equal(callback.searchParams.get('iss'), ISSUER);
    assert.equal(decodeProtectedHeader(tokens.id_token ?? '').alg, 'RS256');
    const claims = tokens.claims();
    assert.equal(claims?.['email'], 'alice@example.com');
    assert.equal(claims?.['name'], 'Alice Adams');
    assert.equal(claims?.['role'], 'Customer');
    assert.equal(claims?.['tenant_id'], 'acme');
    assert.equal(claims?.['permissions'], undefined);
    const userinfo = await openid.fetchUserInfo(config, tokens.access_token, claims?.sub ?? '');
    assert.equal(userinfo.email, 'alice@example.com');
    assert.equal(tokens.refresh_token, undefined);
  });

  it('gives a token for the API when one of its scopes is asked for, with or without `resource`', async () => {
    for (const parameters of [{}, { resource: `${ORIGIN}/` }, { resource: 'urn:flotilla:api' }]) {
      const asked = { scope: 'openid email orders.read', ...parameters };
      const { tokens } = await oidc.logIn({ parameters: asked });
      assert.equal(tokens.scope?.includes('orders.read'), true);
      assert.equal(tokens.claims()?.['email'], 'alice@example.com');
      const header = decodeProtectedHeader(tokens.access_token);
      assert.equal(header.typ, 'at+jwt');
      assert.equal(header.alg, 'ES256');
      const { iat, exp, jti, sub, ...claims } = claimsOf(tokens.access_token);
      assert.equal(Number(exp) - Number(iat), 300);
      assert.ok(typeof jti === 'string' && jti !== '');
      assert.deepEqual(claims, {
        iss: ISSUER,
        aud: 'flotilla',
        client_id: 'web-app',
        acr: 'urn:flotilla:acr:password',
        amr: ['pwd'],
        scope: 'orders.read',
        email: 'alice@example.com',
        name: 'Alice Adams',
        role: 'Customer',
        tenant_id: 'acme',
        permissions: ['orders.read', 'orders.write', 'inventory.read'],
        sid: tokens.claims()?.['sid'],
      });
      const caller = await oidc.identity.app.verifyToken(tokens.access_token);
      assert.equal(caller.subject, sub);
      assert.equal((await oidc.identity.get('/me/sessions', tokens.access_token)).status, 200);
      const userinfo = await oidc.send(`${ISSUER}/me`, {
        headers: { authorization: `Bearer ${tokens.access_token}` },
      });
      assert.equal(userinfo.status, 401);
    }
  });

  it('gives nobody a scope that the client may not have, nor a token for an unknown resource', async () => {
    const { tokens } = await oidc.logIn({
      clientId: 'mobile-app',
      parameters: { scope: 'openid orders.read inventory.read inventory.write nonsense' },
    });
    assert.equal(claimsOf(tokens.access_token)['scope'], 'orders.read');
    const { callback } = await oidc.authorize({ parameters: { resource: 'https://elsewhere.test/' } });
    assert.equal(callback.searchParams.get('error'), 'invalid_target');
  });

  it('lets a service in by its secret, to what it may do', async () => {
    const asked = { grant_type: 'client_credentials', scope: 'inventory.write' };
    const { status, body, headers } = await oidc.post(
      '/token',
      asked,
      basic('order-service', 'order-service-secret'),
    );
    assert.equal(status, 200);
    assert.equal(headers.get('cache-control'), 'no-store');
    const { iat: _iat, exp: _exp, jti: _jti, ...claims } = claimsOf(body['access_token']);
    assert.deepEqual(claims, {
      iss: ISSUER,
      aud: 'flotilla',
      sub: 'order-service',
      client_id: 'order-service',
      scope: 'inventory.write',
      permissions: [],
    });
    const wrong = await oidc.post('/token', asked, basic('order-service', 'secret'));
    assert.equal(wrong.status, 401);
    assert.equal(wrong.body['error'], 'invalid_client');
    const orders = await oidc.post(
      '/token',
      { ...asked, scope: 'orders.read' },
      basic('order-service', 'order-service-secret'),
    );
    assert.equal(orders.body['scope'], undefined);
  });

  it('keeps the kind of token through refreshes, and reads the account anew', async () => {
    const { refreshToken, config, tokens } = await oidc.logInForLong({ clientId: 'mobile-app' });
    await oidc.identity.db.query(
      "UPDATE account SET name = 'Alice B.' WHERE email_key = 'alice@example.com'",
    );
    const next = await openid.refreshTokenGrant(config, refreshToken);
    assert.equal(claimsOf(next.access_token)['name'], 'Alice B.');
    assert.equal(claimsOf(next.access_token)['aud'], 'flotilla');
    assert.equal(claimsOf(next.access_token)['sid'], claimsOf(tokens.access_token)['sid']);
    assert.notEqual(next.refresh_token, refreshToken);
    await oidc.identity.db.query(
      "UPDATE account SET name = 'Alice Adams' WHERE email_key = 'alice@example.com'",
    );
  });

  it('takes requests that were pushed before, and tokens bound to a key', async () => {
    const config = await oidc.client('web-app');
    const verifier = openid.randomPKCECodeVerifier();
    const pushed = await openid.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: CALLBACK,
      scope: 'openid orders.read',
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state: 'some-state',
    });
    assert.deepEqual([...pushed.searchParams.keys()].sort(), ['client_id', 'request_uri']);
    const { createBrowser, signIn } = await import('../testing/oidc-browser.ts');
    const callback = await signIn(
      createBrowser(ORIGIN, oidc.send),
      pushed.href,
      'bob@example.com',
      'bob-password',
    );
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair());
    const checks = { pkceCodeVerifier: verifier, expectedState: 'some-state' };
    const tokens = await openid.authorizationCodeGrant(config, callback, checks, undefined, { DPoP });
    assert.equal(tokens.token_type, 'dpop');
    assert.ok(claimsOf(tokens.access_token)['cnf']);
  });

  it('revokes a refresh token with all that came of its grant, for its client alone', async () => {
    const { refreshToken, config } = await oidc.logInForLong({ clientId: 'mobile-app' });
    const foreign = await oidc.post(
      '/token/revocation',
      { token: refreshToken },
      basic('web-app', 'web-app-secret'),
    );
    assert.equal(foreign.status, 200);
    const next = await openid.refreshTokenGrant(config, refreshToken);
    await openid.tokenRevocation(config, next.refresh_token ?? '');
    await assert.rejects(openid.refreshTokenGrant(config, next.refresh_token ?? ''), {
      error: 'invalid_grant',
    });
  });

  it('tells a client about its own tokens alone', async () => {
    const { tokens, config } = await oidc.logIn();
    assert.equal((await openid.tokenIntrospection(config, tokens.access_token)).active, true);
    const other = await oidc.post(
      '/token/introspection',
      { token: tokens.access_token },
      basic('order-service', 'order-service-secret'),
    );
    assert.deepEqual(other.body, { active: false });
  });

  it('answers `prompt=none` without a page, also when nobody is signed in', async () => {
    const { callback } = await oidc.authorize({ parameters: { prompt: 'none' } });
    assert.equal(callback.searchParams.get('error'), 'login_required');
    const { browser } = await oidc.logIn();
    const again = await oidc.authorize({ browser, parameters: { prompt: 'none' } });
    assert.ok(again.callback.searchParams.get('code'));
  });

  it('stores no id that somebody could present', async () => {
    const { refreshToken, tokens, browser } = await oidc.logInForLong();
    const rows = await oidc.identity.db.query<{ row: string }>('SELECT r::text AS row FROM auth_record r');
    const stored = rows.map(({ row }) => row).join('\n');
    const cookies = [...browser.cookies.values()].map(({ value }) => value);
    for (const secret of [refreshToken, tokens.access_token, ...cookies])
      assert.equal(stored.includes(secret), false);
  });

  it('offers all its scopes to the web application', async () => {
    const { tokens } = await oidc.logInForLong();
    assert.equal(tokens.scope, 'orders.read orders.write inventory.read');
    assert.equal(ALL_SCOPES.split(' ').length, 7);
  });
});

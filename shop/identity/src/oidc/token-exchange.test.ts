import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createStaticKeys, createTokenVerifier, type Principal, serviceAudience } from '@flotilla/auth';
import { createManualClock } from '@flotilla/kernel/testing';
import { basic, ISSUER, type Oidc, startOidc } from '../testing/oidc-rig.ts';
import { claimsOf } from '../testing.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const secretSha256 = createHash('sha256').update('secret').digest('hex');
/** edge -> cart -> order -> inventory -> store */
const EDGES = { edge: 'cart', cart: 'order', order: 'inventory', inventory: 'store' };

describe('token exchange', () => {
  const clock = createManualClock(new Date());
  let oidc: Oidc;
  before(async () => {
    const services = Object.entries(EDGES).map(([name, callee]) => [
      name,
      { secretSha256, scopes: ['inventory.read'], calls: [callee] },
    ]);
    const serviceClients = {
      ...Object.fromEntries(services),
      alone: { secretSha256, scopes: ['inventory.read'] },
    };
    oidc = await startOidc({ clock, serviceClients });
  });
  after(() => oidc.close());

  const userToken = async () =>
    String((await oidc.identity.logIn('alice@example.com', 'alice-password')).body['accessToken']);
  const exchange = (service: string, fields: Readonly<Record<string, string>>, secret = 'secret') =>
    oidc.post(
      '/token',
      { grant_type: GRANT, subject_token_type: ACCESS_TOKEN, ...fields },
      basic(service, secret),
    );
  const forOrder = async (fields: Readonly<Record<string, string>> = {}) =>
    await exchange('cart', { subject_token: await userToken(), audience: 'order', ...fields });
  const refusal = async (answer: ReturnType<typeof exchange>) => {
    const { status, body } = await answer;
    return [status, body['error']];
  };

  /** As the service of this name sees a caller. */
  async function seenBy(service: string, token: unknown, callers: readonly string[]): Promise<Principal> {
    const jwks = await (await oidc.send(`${ISSUER}/jwks`)).json();
    const verify = createTokenVerifier({
      ...{ issuer: ISSUER, algorithms: ['ES256'], keys: createStaticKeys(jwks), clock },
      audience: ['flotilla', serviceAudience('flotilla', service)],
      callers: new Set(callers),
    });
    return await verify(String(token));
  }

  it('gives a callee the user and the service that calls, and nobody else a token that they take', async () => {
    const { status, body } = await forOrder();
    assert.equal(status, 200);
    assert.deepEqual(
      [body['issued_token_type'], body['token_type'], body['scope']],
      [ACCESS_TOKEN, 'Bearer', claimsOf(await userToken())['scope']],
    );
    const seen = await seenBy('order', body['access_token'], ['cart']);
    const user = await seenBy('order', await userToken(), []);
    assert.deepEqual([seen.subject, seen.email, seen.role], [user.subject, 'alice@example.com', user.role]);
    assert.deepEqual([seen.service, user.service], ['cart', undefined]);
    await assert.rejects(seenBy('inventory', body['access_token'], ['cart']), { code: 'AUTH_TOKEN_INVALID' });
    await assert.rejects(seenBy('order', body['access_token'], ['user']), { code: 'AUTH_CALLER_REFUSED' });
  });

  it('follows the edges, each service with the token that it was sent, three of them at most', async () => {
    const first = (await exchange('edge', { subject_token: await userToken(), audience: 'cart' })).body;
    const second = (
      await exchange('cart', { subject_token: String(first['access_token']), audience: 'order' })
    ).body;
    const third = (
      await exchange('order', { subject_token: String(second['access_token']), audience: 'inventory' })
    ).body;
    assert.deepEqual(claimsOf(third['access_token'])['act'], {
      sub: 'order',
      act: { sub: 'cart', act: { sub: 'edge' } },
    });
    const fourth = { subject_token: String(third['access_token']), audience: 'store' };
    assert.deepEqual(await refusal(exchange('inventory', fourth)), [400, 'invalid_request']);
    // What was meant for the cart, the order service cannot use.
    const stolen = { subject_token: String(first['access_token']), audience: 'inventory' };
    assert.deepEqual(await refusal(exchange('order', stolen)), [400, 'invalid_request']);
  });

  it('is refused where the topology has no edge, and to who shows no secret', async () => {
    assert.deepEqual(await refusal(forOrder({ audience: 'inventory' })), [400, 'invalid_target']);
    assert.deepEqual(await refusal(forOrder({ audience: '__proto__' })), [400, 'invalid_target']);
    const fields = { subject_token: await userToken(), audience: 'order' };
    assert.deepEqual(await refusal(exchange('cart', fields, 'wrong')), [401, 'invalid_client']);
    assert.deepEqual(await refusal(exchange('alone', fields)), [401, 'invalid_client']);
    // An application has no edges, and a service gets tokens of its own elsewhere.
    assert.deepEqual(await refusal(exchange('web-app', fields, 'web-app-secret')), [400, 'invalid_request']);
    const own = oidc.post('/token', { grant_type: 'client_credentials' }, basic('cart', 'secret'));
    assert.deepEqual(await refusal(own), [400, 'invalid_request']);
  });

  it('lets scopes shrink and never grow', async () => {
    const had = String(claimsOf(await userToken())['scope']).split(' ');
    const less = await forOrder({ scope: had[0] ?? '' });
    assert.equal(less.body['scope'], had[0]);
    assert.equal(claimsOf(less.body['access_token'])['scope'], had[0]);
    assert.deepEqual(await refusal(forOrder({ scope: `${had[0]} people.write` })), [400, 'invalid_scope']);
    const again = exchange('order', {
      ...{ subject_token: String(less.body['access_token']), audience: 'inventory' },
      scope: had.join(' '),
    });
    assert.deepEqual(await refusal(again), [400, 'invalid_scope']);
  });

  it('gives a token that ends with the one it comes of, and none for one that has ended', async () => {
    const token = await userToken();
    await clock.advance(200_000);
    const { body } = await exchange('cart', { subject_token: token, audience: 'order' });
    assert.ok(Number(body['expires_in']) <= 100);
    assert.equal(claimsOf(body['access_token'])['exp'], claimsOf(token)['exp']);
    await clock.advance(100_000);
    const late = exchange('cart', { subject_token: token, audience: 'order' });
    assert.deepEqual(await refusal(late), [400, 'invalid_request']);
  });

  it('takes the access token of a user who is signed in, and nothing else', async () => {
    const service = await oidc.identity.post('/internal/token', {
      ...{ clientId: 'cart', clientSecret: 'secret', scope: 'inventory.read' },
    });
    const forged = `${(await userToken()).slice(0, -10)}AAAAAAAAAA`;
    const idToken = (await oidc.logIn()).tokens.id_token ?? '';
    for (const subject of [String(service.body['accessToken']), forged, idToken, 'x'])
      assert.deepEqual(
        await refusal(forOrder({ subject_token: subject })),
        [400, 'invalid_request'],
        subject,
      );
    for (const fields of [
      { subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      { requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
      { actor_token: 'x', actor_token_type: ACCESS_TOKEN },
    ] as Readonly<Record<string, string>>[])
      assert.deepEqual(await refusal(forOrder(fields)), [400, 'invalid_request']);

    const { db } = oidc.identity;
    const token = await userToken();
    await db.query('UPDATE auth_session SET ended_at = now() WHERE id = $1', [
      String(claimsOf(token)['sid']),
    ]);
    const signedOut = exchange('cart', { subject_token: token, audience: 'order' });
    assert.deepEqual(await refusal(signedOut), [400, 'invalid_request']);
    const fresh = await userToken();
    await db.query("UPDATE account SET disabled_at = now() WHERE email = 'alice@example.com'");
    const disabled = exchange('cart', { subject_token: fresh, audience: 'order' });
    assert.deepEqual(await refusal(disabled), [400, 'invalid_request']);
    await db.query('UPDATE account SET disabled_at = NULL');
  });

  it('does not start with an application that has the name of a service', async () => {
    const clients = [{ id: 'cart', name: 'An application', kind: 'service', scopes: [] } as const];
    const serviceClients = { cart: { secretSha256, scopes: [], calls: ['order'] } };
    await assert.rejects(startOidc({ clients, serviceClients }), { code: 'IDENTITY_CLIENT_INVALID' });
  });
});

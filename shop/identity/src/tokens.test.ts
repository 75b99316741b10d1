import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createStaticKeys, createTokenVerifier } from '@flotilla/auth';
import { claimsOf, type Identity, startIdentity } from './testing.ts';

const secretSha256 = createHash('sha256').update('order-secret').digest('hex');
const serviceClients = { order: { secretSha256, scopes: ['inventory.read', 'inventory.write'] } };

describe('tokens', () => {
  let identity: Identity;
  before(async () => {
    identity = await startIdentity({ serviceClients });
    await identity.signUp('lea@example.com');
  });
  after(() => identity.close());

  const logIn = async () => String((await identity.logIn('lea@example.com')).body['refreshToken']);
  const refresh = (refreshToken: string) => identity.post('/auth/refresh', { refreshToken });
  const refreshed = async (refreshToken: string) => {
    const { status, body } = await refresh(refreshToken);
    assert.equal(status, 200);
    return String(body['refreshToken']);
  };

  describe('for refreshing', () => {
    it('are exchanged for new ones, with what the account is now', async () => {
      const first = await logIn();
      await identity.db.query("UPDATE account SET name = 'Lea Renamed' WHERE email_key = 'lea@example.com'");
      const { status, body, headers } = await refresh(first);
      assert.equal(status, 200);
      assert.equal(headers['cache-control'], 'no-store');
      assert.notEqual(body['refreshToken'], first);
      assert.equal(claimsOf(body['accessToken'])['name'], 'Lea Renamed');
    });

    it('revoke their whole family when one comes a second time', async () => {
      const first = await logIn();
      const second = await refreshed(first);
      const third = await refreshed(second);
      const replay = await refresh(first);
      assert.equal(replay.status, 401);
      assert.equal(replay.body['code'], 'invalid-refresh-token');
      assert.equal((await refresh(third)).status, 401);
    });

    it('leave other logins of the account alone when a family is revoked', async () => {
      const [stolen, other] = [await logIn(), await logIn()];
      await refreshed(await refreshed(stolen));
      assert.equal((await refresh(stolen)).status, 401);
      await refreshed(other);
    });

    it('have one successor, which all who ask at once are given, and which works', async () => {
      const token = await logIn();
      const successors = await Promise.all(Array.from({ length: 20 }, () => refreshed(token)));
      assert.equal(new Set(successors).size, 1);
      await refreshed(successors[0] ?? '');
    });

    it('give the same successor again when its answer was lost, as long as nobody has used it', async () => {
      const first = await logIn();
      const second = await refreshed(first);
      assert.equal(await refreshed(first), second);
      await refreshed(second);
      assert.equal((await refresh(first)).status, 401);
      assert.equal((await refresh(second)).status, 401);
    });

    it('give it for ten seconds only', async () => {
      const first = await logIn();
      const second = await refreshed(first);
      await identity.db.query("UPDATE auth_record SET consumed_at = consumed_at - interval '11 seconds'");
      assert.equal((await refresh(first)).status, 401);
      assert.equal((await refresh(second)).status, 401);
    });

    it('give no successor after logging out', async () => {
      const first = await logIn();
      const second = await refreshed(first);
      await identity.post('/auth/logout', { refreshToken: second });
      assert.equal((await refresh(first)).status, 401);
    });

    it('end when they are not used, and with their family', async () => {
      const idle = await logIn();
      await identity.db.query("UPDATE auth_record SET expires_at = now() - interval '1 second'");
      assert.equal((await refresh(idle)).status, 401);
      const old = await logIn();
      await identity.db.query("UPDATE auth_session SET idle_until = now() - interval '1 second'");
      assert.equal((await refresh(old)).status, 401);
    });

    it('are stored as hashes only', async () => {
      const token = await logIn();
      const rows = await identity.db.query<{ id_hash: Buffer }>('SELECT id_hash FROM auth_record');
      const stored = rows.map((row) => row.id_hash.toString('base64url'));
      assert.ok(stored.includes(createHash('sha256').update(token).digest('base64url')));
      assert.ok(!stored.includes(token));
    });

    it('are ended by logging out, with all of their family', async () => {
      const first = await logIn();
      const second = await refreshed(first);
      assert.equal((await identity.post('/auth/logout', { refreshToken: first })).status, 204);
      assert.equal((await refresh(second)).status, 401);
    });

    it('may be unknown when logging out', async () => {
      assert.equal((await identity.post('/auth/logout', { refreshToken: 'never-issued' })).status, 204);
      assert.equal((await refresh('never-issued')).status, 401);
    });
  });

  describe('for access', () => {
    const accessToken = async () => String((await identity.logIn('lea@example.com')).body['accessToken']);

    it('are verified with nothing but the published keys', async () => {
      const jwks = await identity.get('/identity/jwks');
      assert.equal(jwks.headers['cache-control'], 'public, max-age=300');
      const verify = createTokenVerifier({
        issuer: 'http://127.0.0.1:8080/identity',
        audience: 'flotilla',
        algorithms: ['ES256'],
        keys: createStaticKeys(jwks.body),
      });
      assert.equal((await verify(await accessToken())).email, 'lea@example.com');
    });

    it('are needed for what is their owner’s', async () => {
      const none = await identity.get('/me/sessions');
      assert.equal(none.status, 401);
      assert.match(String(none.headers['www-authenticate']), /^Bearer/);
      assert.equal((await identity.get('/me/sessions', `${await accessToken()}x`)).status, 401);
    });
  });

  describe('for services', () => {
    const ask = (clientId: string, clientSecret: string, scope: string) =>
      identity.post('/internal/token', { clientId, clientSecret, scope });

    it('name the service and carry the scope that was asked for, no role and no permission', async () => {
      const { status, body, headers } = await ask('order', 'order-secret', 'inventory.write');
      assert.equal(status, 200);
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(body['expiresIn'], 300);
      const { iat: _iat, exp: _exp, jti: _jti, ...claims } = claimsOf(body['accessToken']);
      assert.deepEqual(claims, {
        iss: 'http://127.0.0.1:8080/identity',
        aud: 'flotilla',
        sub: 'order',
        client_id: 'order',
        scope: 'inventory.write',
        permissions: [],
      });
    });

    it('are not given to unknown services or for a wrong secret', async () => {
      for (const [client, secret] of [
        ['order', 'wrong'],
        ['nobody', 'order-secret'],
        ['__proto__', 'order-secret'],
        ['constructor', 'order-secret'],
      ] as const) {
        const { status, body } = await ask(client, secret, 'inventory.read');
        assert.equal(status, 401, client);
        assert.equal(body['code'], 'invalid-client');
      }
    });

    it('are not given for a scope the service does not have', async () => {
      for (const scope of ['payment.write', 'inventory.read payment.write', '', ' ']) {
        const { status, body } = await ask('order', 'order-secret', scope);
        assert.equal(status, 400, scope);
        assert.equal(body['code'], 'invalid-scope');
      }
    });
  });
});

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { claimsOf, type Identity, startIdentity } from './testing.ts';

interface View {
  readonly id: string;
  readonly isCurrent: boolean;
  readonly address: string | null;
  readonly clients: readonly string[];
}

describe('the sessions of an account', () => {
  let identity: Identity;
  before(async () => {
    identity = await startIdentity();
    for (const name of ['lea', 'max']) await identity.signUp(`${name}@example.com`);
  });
  after(() => identity.close());
  beforeEach(() => identity.db.query('DELETE FROM auth_session'));

  async function logIn(email = 'lea@example.com', address = '192.0.2.1') {
    const { body } = await identity.logIn(email, undefined, address);
    const token = String(body['accessToken']);
    return { token, refreshToken: String(body['refreshToken']), id: String(claimsOf(token)['sid']) };
  }
  const listed = async (token: string) =>
    (await identity.get('/me/sessions', token)).body['items'] as readonly View[];
  const end = (token: string, path = '') =>
    identity.host.inject({
      method: 'DELETE',
      url: `/me/sessions${path}`,
      headers: { authorization: `Bearer ${token}` },
    });
  const lives = async (refreshToken: string) =>
    (await identity.post('/auth/refresh', { refreshToken })).status === 200;
  const events = () =>
    identity.db.query<{ data: { sessionId: string; reason: string } }>(
      "SELECT (envelope::jsonb)->'data' AS data FROM outbox WHERE type = 'identity.session-ended.v1' ORDER BY id",
    );

  it('are listed to their owner alone, the newest first, with the one that asks', async () => {
    const [first, second] = [await logIn(), await logIn('lea@example.com', '2001:db8::7')];
    await logIn('max@example.com');
    const items = await listed(second.token);
    assert.deepEqual(
      items.map(({ id, isCurrent }) => [id, isCurrent]),
      [
        [second.id, true],
        [first.id, false],
      ],
    );
    assert.equal(items[0]?.address, '2001:db8::/64');
    assert.deepEqual(items[0]?.clients, ['shop']);
    assert.equal((await identity.get('/me/sessions')).status, 401);
  });

  it('end one by one, with their refresh tokens, and everybody who reads tokens is told', async () => {
    const [here, there] = [await logIn(), await logIn()];
    assert.equal((await end(here.token, `/${there.id}`)).statusCode, 204);
    assert.equal(await lives(there.refreshToken), false);
    assert.equal(await lives(here.refreshToken), true);
    const told = (await events()).map(({ data }) => data);
    assert.ok(told.some(({ sessionId, reason }) => sessionId === there.id && reason === 'revoked'));
    assert.equal((await end(here.token, `/${there.id}`)).statusCode, 404);
  });

  it('of others are as unknown as those that never were', async () => {
    const [lea, max] = [await logIn(), await logIn('max@example.com')];
    for (const id of [max.id, 'nonsense']) assert.equal((await end(lea.token, `/${id}`)).statusCode, 404);
    assert.equal(await lives(max.refreshToken), true);
  });

  it('end all at once, or all but the one that asks', async () => {
    const [one, two, three] = [await logIn(), await logIn(), await logIn()];
    assert.equal((await end(one.token, '?keep=current')).statusCode, 204);
    assert.deepEqual(
      (await listed(one.token)).map(({ id }) => id),
      [one.id],
    );
    for (const { refreshToken } of [two, three]) assert.equal(await lives(refreshToken), false);
    assert.equal((await end(one.token)).statusCode, 204);
    assert.equal(await lives(one.refreshToken), false);
    assert.equal((await end(one.token, '?keep=all')).statusCode, 400);
  });
});

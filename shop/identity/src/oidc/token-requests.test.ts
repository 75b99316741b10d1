import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createBrowser } from '../testing/oidc-browser.ts';
import { basic, CALLBACK, ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';

const CREDENTIALS = basic('web-app', 'web-app-secret');

describe('token requests', () => {
  const keyEncryptionKey = randomBytes(32);
  let oidc: Oidc;
  before(async () => {
    oidc = await startOidc({ keyEncryptionKey });
  });
  after(() => oidc.close());

  /** A client tries again while it is told to: on a busy machine some wait too long for a connection. */
  async function post(
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string>,
    at = oidc,
  ) {
    for (let tries = 1; ; tries += 1) {
      const response = await at.post(path, fields, headers);
      if (response.status !== 503 || tries === 50) return response;
    }
  }

  const refresh = (refreshToken: string, at = oidc) =>
    post('/token', { grant_type: 'refresh_token', refresh_token: refreshToken }, CREDENTIALS, at);
  const refreshed = async (refreshToken: string, at = oidc) => {
    const { status, body } = await refresh(refreshToken, at);
    assert.equal(status, 200, JSON.stringify(body));
    return String(body['refresh_token']);
  };
  const redeem = (callback: URL, verifier: string) => {
    const code = callback.searchParams.get('code') ?? '';
    const fields = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: CALLBACK,
      code_verifier: verifier,
    };
    return post('/token', fields, CREDENTIALS);
  };
  const later = (seconds: number) =>
    oidc.identity.db.query("UPDATE auth_record SET consumed_at = consumed_at - $1 * interval '1 second'", [
      seconds,
    ]);

  it('give all who refresh at once, at two replicas, the same successor, which works', async () => {
    const { refreshToken } = await oidc.logInForLong();
    const replica = await startOidc({ db: oidc.identity.db, keyEncryptionKey });
    const given = await Promise.all(
      Array.from({ length: 20 }, (_, n) => refreshed(refreshToken, n % 2 === 0 ? oidc : replica)),
    );
    await replica.close();
    assert.equal(new Set(given).size, 1);
    const next = await refreshed(given[0] ?? '');
    const [row] = await oidc.identity.db.query<{ unused: number }>(
      `SELECT count(*)::int AS unused FROM auth_record WHERE model = 'RefreshToken' AND consumed_at IS NULL
       AND grant_id = (SELECT grant_id FROM auth_record WHERE id_hash = sha256($1::bytea))`,
      [Buffer.from(next)],
    );
    assert.equal(row?.unused, 1);
  });

  it('give the successor again when a response was lost, until somebody has used it', async () => {
    const { refreshToken } = await oidc.logInForLong();
    const second = await refreshed(refreshToken);
    assert.equal(await refreshed(refreshToken), second);
    const third = await refreshed(second);
    const replay = await refresh(refreshToken);
    assert.equal(replay.status, 400);
    assert.equal(replay.body['error'], 'invalid_grant');
    assert.equal((await refresh(third)).body['error'], 'invalid_grant');
  });

  it('give it for ten seconds only; then the family ends, and the session of the browser goes on', async () => {
    const { refreshToken, browser } = await oidc.logInForLong();
    const second = await refreshed(refreshToken);
    await later(11);
    assert.equal((await refresh(refreshToken)).status, 400);
    assert.equal((await refresh(second)).status, 400);
    const again = await oidc.authorize({ browser, parameters: { scope: 'openid', prompt: 'none' } });
    assert.notEqual(again.callback.searchParams.get('error'), 'login_required');
  });

  it('let one of many redemptions of a code win, and what it gave lives', async () => {
    const { callback, verifier } = await oidc.authorize();
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(callback, verifier)));
    const won = answers.filter(({ status }) => status === 200);
    assert.equal(won.length, 1);
    const lost = answers.filter(({ body }) => body['error'] === 'invalid_grant');
    assert.equal(lost.length, 19);
    const userinfo = await oidc.send(`${ISSUER}/me`, {
      headers: { authorization: `Bearer ${won[0]?.body['access_token']}` },
    });
    assert.equal(userinfo.status, 200);
  });

  it('revoke what a code gave when it comes again after ten seconds', async () => {
    const { callback, verifier } = await oidc.authorize();
    const { body } = await redeem(callback, verifier);
    await later(11);
    assert.equal((await redeem(callback, verifier)).status, 400);
    const headers = { authorization: `Bearer ${body['access_token']}` };
    assert.equal((await oidc.send(`${ISSUER}/me`, { headers })).status, 401);
  });

  it('use up nothing when the database refuses on the way, and say that trying again helps', async () => {
    const { refreshToken } = await oidc.logInForLong();
    const { callback, verifier } = await oidc.authorize();
    const { db } = oidc.identity;
    // After the presented token was marked: when its successor is to be stored.
    await db.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '53300'; END $$`);
    await db.query(`
      CREATE TRIGGER refuse BEFORE INSERT ON auth_record FOR EACH ROW
        WHEN (NEW.model IN ('RefreshToken', 'AccessToken')) EXECUTE FUNCTION refuse()`);
    const code = callback.searchParams.get('code') ?? '';
    for (const fields of [
      { grant_type: 'refresh_token', refresh_token: refreshToken },
      { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier },
    ]) {
      const { status, headers, body } = await oidc.post('/token', fields, CREDENTIALS);
      assert.equal(status, 503);
      assert.equal(headers.get('retry-after'), '1');
      assert.deepEqual(body, { error: 'temporarily_unavailable' });
    }
    await db.query('DROP TRIGGER refuse ON auth_record');
    await db.query('DROP FUNCTION refuse');
    assert.ok(await refreshed(refreshToken));
    assert.equal((await redeem(callback, verifier)).status, 200);
  });

  it('do without a connection while the body is on its way', async () => {
    const bodies = Array.from({ length: 30 }, () => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const request = oidc.send(`${ISSUER}/token`, {
        method: 'POST',
        body: readable,
        duplex: 'half',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...CREDENTIALS },
      } as RequestInit);
      return { writer: writable.getWriter(), request };
    });
    for (const { writer } of bodies) await writer.write(Buffer.from('grant_type=refresh_'));
    const { refreshToken } = await oidc.logInForLong();
    assert.ok(await refreshed(refreshToken));
    for (const { writer, request } of bodies) {
      await writer.write(Buffer.from('token&refresh_token=unknown'));
      await writer.close();
      assert.equal((await request).status, 400);
    }
  });

  it('go on in two tabs that sign in at once, in whatever order they end', async () => {
    const browser = createBrowser(ORIGIN, oidc.send);
    const ask = (state: string) =>
      `${ISSUER}/auth?${new URLSearchParams({ client_id: 'web-app', redirect_uri: CALLBACK, scope: 'openid', response_type: 'code', code_challenge: 'c'.repeat(43), code_challenge_method: 'S256', state })}`;
    const [first, second] = [await browser.visit(ask('first')), await browser.visit(ask('second'))];
    const credentials = { email: 'carol@example.com', password: 'carol-password' };
    for (const [page, state] of [
      [second, 'second'],
      [first, 'first'],
    ] as const) {
      let next = await browser.submit(page, credentials);
      if (next.text.includes('Allow access?')) next = await browser.submit(next, {});
      assert.equal(new URL(next.url).searchParams.get('state'), state, next.text);
      assert.ok(new URL(next.url).searchParams.get('code'));
    }
    // Back to a login page that has done its part, and once more.
    const late = await browser.submit(first, credentials);
    assert.deepEqual([late.status, /<h1>(.*)<\/h1>/.exec(late.text)?.[1]], [400, 'This page has expired']);
  });
});

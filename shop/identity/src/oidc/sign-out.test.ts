import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { readForm } from '@flotilla/auth/provider';
import { eventually } from '@flotilla/kernel/testing';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import * as openid from 'openid-client';
import { createBrowser } from '../testing/oidc-browser.ts';
import { CALLBACK, ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';
import { claimsOf } from '../testing.ts';

/** A client of a few lines that is told when a session ended. */
interface Told {
  readonly server: Server;
  readonly uri: string;
  readonly tokens: string[];
  answer: 'takes it' | 'refuses' | 'hangs';
}

async function startTold(): Promise<Told> {
  const tokens: string[] = [];
  const server = createServer(async (req: IncomingMessage, res) => {
    tokens.push((await readForm(req))?.get('logout_token') ?? '');
    if (told.answer === 'takes it') res.writeHead(200).end();
    if (told.answer === 'refuses') res.writeHead(500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const told: Told = {
    server,
    uri: `http://127.0.0.1:${port}/backchannel-logout`,
    tokens,
    answer: 'takes it',
  };
  return told;
}

describe('signing out', () => {
  let oidc: Oidc;
  let web: Told;
  let other: Told;
  before(async () => {
    [web, other] = [await startTold(), await startTold()];
    const common = {
      kind: 'web' as const,
      scopes: ['openid', 'offline_access', 'orders.read'],
      redirectUris: [CALLBACK],
    };
    const postLogoutRedirectUris = ['http://127.0.0.1:4711/bye'];
    oidc = await startOidc({
      clients: [
        { ...common, id: 'web-app', name: 'Web', backchannelLogoutUri: web.uri, postLogoutRedirectUris },
        { ...common, id: 'other-app', name: 'Other', backchannelLogoutUri: other.uri },
      ],
    });
  });
  after(async () => {
    await oidc.close();
    for (const { server } of [web, other]) {
      server.closeAllConnections();
      server.close();
    }
  });

  const logIn = (asked = {}) =>
    oidc.logInForLong({ parameters: { scope: 'openid offline_access orders.read' }, ...asked });
  const refreshes = async (config: openid.Configuration, refreshToken: string) => {
    try {
      await openid.refreshTokenGrant(config, refreshToken);
      return true;
    } catch {
      return false;
    }
  };
  const endAddress = (parameters: Record<string, string>) =>
    `${ISSUER}/session/end?${new URLSearchParams(parameters)}`;
  const ended = async (sessionId: unknown) => {
    const rows = await oidc.identity.db.query<{ data: { sessionId?: string; reason: string } }>(
      "SELECT (envelope::jsonb)->'data' AS data FROM outbox WHERE type = 'identity.session-ended.v1'",
    );
    return rows.map(({ data }) => data).filter((data) => data.sessionId === sessionId);
  };

  it('asks, ends all that came of the session with `offline_access` too, tells everybody and goes back', async () => {
    const { browser, tokens, config, refreshToken } = await logIn();
    const second = await logIn({ clientId: 'other-app', browser });
    const sid = tokens.claims()?.['sid'];
    assert.equal(second.tokens.claims()?.['sid'], sid);
    const page = await browser.visit(
      endAddress({
        id_token_hint: tokens.id_token ?? '',
        post_logout_redirect_uri: 'http://127.0.0.1:4711/bye',
        state: 'my state',
      }),
    );
    assert.ok(page.text.includes('Sign out?'));
    assert.match(
      page.headers.get('content-security-policy') ?? '',
      /form-action 'self' http:\/\/127\.0\.0\.1:4711;/,
    );
    const end = await browser.submit(page, { logout: 'yes' });
    assert.equal(end.url, 'http://127.0.0.1:4711/bye?state=my+state');
    assert.equal(await refreshes(config, refreshToken), false);
    assert.equal(await refreshes(second.config, second.refreshToken), false);
    assert.deepEqual(
      (await ended(sid)).map(({ reason }) => reason),
      ['signed-out'],
    );

    await oidc.identity.app.notices.deliver();
    const keys = createRemoteJWKSet(new URL(`${oidc.url}/identity/jwks`));
    for (const [told, audience] of [
      [web, 'web-app'],
      [other, 'other-app'],
    ] as const) {
      const token = told.tokens.at(-1) ?? '';
      const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience, typ: 'logout+jwt' });
      assert.equal(payload['sid'], sid);
      assert.equal(payload.sub, tokens.claims()?.sub);
      assert.deepEqual(payload['events'], { 'http://schemas.openid.net/event/backchannel-logout': {} });
      assert.equal(payload['nonce'], undefined);
      assert.equal(decodeProtectedHeader(token).alg, 'RS256');
    }
    const again = await oidc.authorize({ browser, parameters: { prompt: 'none', scope: 'openid' } });
    assert.equal(again.callback.searchParams.get('error'), 'login_required');
  });

  it('tells a client that hangs or refuses again, and the others at once', async () => {
    const { browser, tokens } = await logIn();
    await logIn({ clientId: 'other-app', browser });
    web.answer = 'refuses';
    const [seenByWeb, seenByOther] = [web.tokens.length, other.tokens.length];
    await browser.submit(await browser.visit(endAddress({ id_token_hint: tokens.id_token ?? '' })), {
      logout: 'yes',
    });
    await oidc.identity.app.notices.deliver();
    assert.equal(other.tokens.length, seenByOther + 1);
    assert.equal(web.tokens.length, seenByWeb + 1);
    web.answer = 'takes it';
    await eventually('it is told again', async () => {
      await oidc.identity.app.notices.deliver();
      return web.tokens.length === seenByWeb + 2;
    });
    const [first, second] = web.tokens.slice(-2).map(claimsOf);
    assert.equal(first?.['jti'], second?.['jti']);
    assert.equal(await oidc.identity.app.notices.deliver(), 0);
  });

  it('takes the request by POST from another site, and a hint that is too long for an address', async () => {
    const { tokens } = await logIn();
    const fields = {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'http://127.0.0.1:4711/bye',
    };
    const posted = await oidc.post('/session/end', fields);
    assert.equal(posted.status, 303);
    assert.equal(posted.headers.get('location'), `/identity/session/end?${new URLSearchParams(fields)}`);
    const [header, payload, signature] = (tokens.id_token ?? '').split('.');
    const long = [header, payload, `${signature}${'A'.repeat(8_000)}`].join('.');
    const shortened = await oidc.post('/session/end', { ...fields, id_token_hint: long });
    const location = new URL(shortened.headers.get('location') ?? '', ISSUER);
    assert.equal(location.searchParams.get('client_id'), 'web-app');
    assert.equal(location.searchParams.has('id_token_hint'), false);
    assert.ok(location.href.length < 8_000);
  });

  it('asks without a redirect for a hint that cannot be checked', async () => {
    const { browser, tokens, config, refreshToken } = await logIn();
    for (const hint of ['nonsense', `${tokens.id_token?.slice(0, -8)}AAAAAAAA`]) {
      const page = await browser.visit(
        endAddress({ id_token_hint: hint, post_logout_redirect_uri: 'http://127.0.0.1:4711/bye' }),
      );
      assert.equal(page.status, 200);
      assert.ok(page.text.includes('Sign out?'), page.text);
    }
    const page = await browser.visit(endAddress({ post_logout_redirect_uri: 'https://evil.test/' }));
    const end = await browser.submit(page, { logout: 'yes' });
    assert.ok(end.text.includes('You are signed out'));
    assert.equal(await refreshes(config, refreshToken), false);
  });

  it('needs no question when nobody is signed in', async () => {
    const { tokens } = await logIn();
    const page = await createBrowser(ORIGIN, oidc.send).visit(
      endAddress({
        id_token_hint: tokens.id_token ?? '',
        post_logout_redirect_uri: 'http://127.0.0.1:4711/bye',
        state: 's',
      }),
    );
    assert.equal(page.url, 'http://127.0.0.1:4711/bye?state=s');
    const nowhere = await createBrowser(ORIGIN, oidc.send).visit(endAddress({}));
    assert.ok(nowhere.text.includes('You are signed out'));
  });

  it('happens by itself when a session expires', async () => {
    const { tokens, config, refreshToken } = await logIn();
    const sid = tokens.claims()?.['sid'];
    await oidc.identity.db.query(
      "UPDATE auth_session SET idle_until = now() - interval '1 second' WHERE id = $1",
      [String(sid)],
    );
    assert.equal(await refreshes(config, refreshToken), false);
    const seen = web.tokens.length;
    assert.equal(await oidc.identity.app.sessions.endExpired(), 1);
    assert.deepEqual(
      (await ended(sid)).map(({ reason }) => reason),
      ['expired'],
    );
    await oidc.identity.app.notices.deliver();
    assert.ok(web.tokens.slice(seen).some((token) => claimsOf(token)['sid'] === sid));
  });

  it('is not undone by a request that was under way', async () => {
    const { browser, tokens, callback } = await logIn();
    const { db, app } = oidc.identity;
    const claims = tokens.claims();
    const [sub, sid] = [claims?.sub ?? '', claims?.['sid']];
    assert.ok(callback);
    await db.transaction((tx) => app.sessions.end(tx, String(sid), 'revoked'));
    const use = { id: String(sid), accountId: sub, clientIds: ['web-app'] };
    assert.equal(await app.sessions.use(db, use), false);
    const again = await oidc.authorize({ browser, parameters: { prompt: 'none', scope: 'openid' } });
    assert.equal(again.callback.searchParams.get('error'), 'login_required');
  });

  it('of one account in all places leaves those of others alone', async () => {
    const [one, two, carol] = [await logIn(), await logIn(), await logIn({ email: 'carol@example.com' })];
    const { db, app } = oidc.identity;
    const claims = one.tokens.claims();
    const [sub, sid] = [claims?.sub ?? '', claims?.['sid']];
    const listed = await app.sessions.list(sub);
    assert.equal(listed[0]?.device, 'Firefox on Linux');
    assert.ok(listed.length >= 2);
    await db.transaction((tx) => app.sessions.endAll(tx, sub, 'revoked', String(sid)));
    assert.deepEqual(
      (await app.sessions.list(sub)).map(({ id }) => id),
      [sid],
    );
    assert.equal(await refreshes(two.config, two.refreshToken), false);
    assert.equal(await refreshes(one.config, one.refreshToken), true);
    assert.equal(await refreshes(carol.config, carol.refreshToken), true);
  });

  it('of the one who was signed in happens when another account signs in', async () => {
    const { browser, tokens, config, refreshToken } = await logIn();
    const asked = { scope: 'openid', prompt: 'login' };
    const { callback } = await oidc.authorize({ browser, email: 'bob@example.com', parameters: asked });
    assert.ok(callback.searchParams.get('code'), callback.href);
    assert.equal(await refreshes(config, refreshToken), false);
    assert.equal((await ended(tokens.claims()?.['sid'])).length, 1);
  });
});

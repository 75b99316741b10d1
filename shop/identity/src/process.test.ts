import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { after, afterEach, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createPostgresTransport } from '@flotilla/messaging';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { authorization, createBrowser, type Fetch, fetchAt, signIn } from './testing/oidc-browser.ts';
import { createProcesses, type Processes } from './testing/processes.ts';

const ISSUER = 'http://127.0.0.1:8080/identity';

/** The real process on a real bus, killed between two effects and started again. */
describe('the identity process', () => {
  let transport: ReturnType<typeof createPostgresTransport>;
  const published: string[] = [];
  let processes: Processes;

  before(async () => {
    processes = await createProcesses();
    transport = createPostgresTransport({
      uri: processes.bus.uri,
      logger: silentLogger,
      metrics: createMetrics(),
    });
    await transport.subscribe('test', ['user.registered.v1']);
  });
  after(async () => {
    await transport.close();
    await processes.close();
  });
  afterEach(() => processes.stop());

  const start = (crashPoint = '', env: Readonly<Record<string, string>> = {}) =>
    processes.start(crashPoint, { env });
  const ended = (child: ChildProcess) => processes.ended(child);

  const signUp = (url: string, email: string) =>
    fetch(`${url}/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: 'a fine password', name: 'Some Body' }),
    });
  const accounts = () => processes.database.db.query('SELECT email FROM account');

  async function receive(): Promise<() => Promise<void>> {
    const receiver = transport.receive('test', {
      concurrency: 1,
      maxBatch: 10,
      handle: async (deliveries) => {
        published.push(...deliveries.map((delivery) => String(JSON.parse(delivery.body).data.email)));
        return deliveries.map(() => 'done');
      },
    });
    return () => receiver.close();
  }

  it('at identity.before-sign-up-commit leaves neither an account nor a message', async () => {
    const { child, url } = await start('identity.before-sign-up-commit');
    await assert.rejects(signUp(url, 'ann@example.com'));
    assert.equal(await ended(child), 'SIGKILL');
    assert.deepEqual(await accounts(), []);
    assert.deepEqual(await processes.database.db.query('SELECT 1 FROM outbox'), []);
  });

  it('at identity.after-sign-up-commit has an account, and tells of it after the restart', async () => {
    const { child, url } = await start('identity.after-sign-up-commit');
    await assert.rejects(signUp(url, 'bea@example.com'));
    assert.equal(await ended(child), 'SIGKILL');
    assert.deepEqual(await accounts(), [{ email: 'bea@example.com' }]);
    const restarted = await start();
    const stopReceiving = await receive();
    await eventually('the message has arrived', () => published.includes('bea@example.com'));
    await stopReceiving();
    assert.equal((await signUp(restarted.url, 'bea@example.com')).status, 409);
  });

  for (const [point, email] of [
    ['identity.before-refresh', 'cleo@example.com'],
    ['identity.after-refresh', 'dora@example.com'],
  ] as const)
    it(`at ${point} loses no log-in: who asks again gets the successor`, async () => {
      const post = async (url: string, body: object) => {
        const headers = { 'content-type': 'application/json' };
        const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
        return { status: answer.status, tokens: (await answer.json()) as { readonly refreshToken: string } };
      };
      const { child, url } = await start(point);
      await signUp(url, email);
      const { tokens } = await post(`${url}/auth/login`, {
        email,
        password: 'a fine password',
      });
      const asked = { refreshToken: tokens.refreshToken };
      await assert.rejects(post(`${url}/auth/refresh`, asked));
      assert.equal(await ended(child), 'SIGKILL');
      const restarted = await start();
      // On a busy machine a start may outlast the ten seconds.
      await processes.database.db.query(
        'UPDATE auth_record SET consumed_at = now() WHERE consumed_at IS NOT NULL',
      );
      const again = await post(`${restarted.url}/auth/refresh`, asked);
      assert.equal(again.status, 200);
      const { refreshToken } = again.tokens;
      assert.equal((await post(`${restarted.url}/auth/refresh`, { refreshToken })).status, 200);
    });

  it('loses no login of an OpenID client and ends none by half, wherever it is killed', async () => {
    const demo = { FLOTILLA_DEMO: '1' };
    const asked = authorization(ISSUER, {
      ...{ client_id: 'mobile-app', redirect_uri: 'myapp://callback', prompt: 'consent' },
      scope: 'openid offline_access',
    });
    let running = await start('auth.before-token-commit:2', demo);
    const send: Fetch = (url, init) => fetchAt('http://127.0.0.1:8080', running.url)(url, init);
    const browser = createBrowser('http://127.0.0.1:8080', send);
    const token = async (fields: Record<string, string>) => {
      const body = new URLSearchParams({ client_id: 'mobile-app', ...fields });
      const response = await send(`${ISSUER}/token`, { method: 'POST', body });
      return { status: response.status, body: (await response.json()) as Record<string, string> };
    };
    const killed = async (work: () => Promise<unknown>, next: string) => {
      await assert.rejects(work());
      assert.equal(await ended(running.child), 'SIGKILL');
      running = await start(next, demo);
    };
    const ends = () =>
      processes.database.db.query(
        "SELECT 1 FROM auth_session WHERE end_reason = 'signed-out' AND 'mobile-app' = ANY (client_ids)",
      );

    const callback = await signIn(browser, asked.url, 'alice@example.com', 'alice-password');
    const code = callback.searchParams.get('code') ?? '';
    const redeemed = { grant_type: 'authorization_code', code, redirect_uri: 'myapp://callback' };
    const first = (await token({ ...redeemed, code_verifier: asked.verifier })).body;
    const refresh = () => token({ grant_type: 'refresh_token', refresh_token: first['refresh_token'] ?? '' });
    // Nothing was used up; then everything was, and nobody was told.
    await killed(refresh, 'auth.after-token-commit');
    await killed(refresh, 'auth.before-logout-commit');
    // On a busy machine a start may outlast the ten seconds.
    await processes.database.db.query(
      'UPDATE auth_record SET consumed_at = now() WHERE consumed_at IS NOT NULL',
    );
    const again = await refresh();
    assert.equal(again.status, 200, JSON.stringify(again.body));
    const last = again.body['refresh_token'] ?? '';

    const question = async () => {
      const query = new URLSearchParams({ id_token_hint: first['id_token'] ?? '' });
      return await browser.visit(`${ISSUER}/session/end?${query}`);
    };
    const page = await question();
    await killed(() => browser.submit(page, { logout: 'yes' }), 'auth.after-logout-commit');
    assert.deepEqual(await ends(), []);
    const still = await token({ grant_type: 'refresh_token', refresh_token: last });
    assert.equal(still.status, 200);
    const asksAgain = await question();
    await killed(() => browser.submit(asksAgain, { logout: 'yes' }), '');
    assert.equal((await ends()).length, 1);
    const over = await token({
      grant_type: 'refresh_token',
      refresh_token: still.body['refresh_token'] ?? '',
    });
    assert.equal(over.body['error'], 'invalid_grant');
  });

  it('signs with the same keys after a restart, and ends when it is told to', async () => {
    const jwks = async (url: string) => await (await fetch(`${url}/identity/jwks`)).json();
    const first = await start();
    const keys = await jwks(first.url);
    first.child.kill('SIGTERM');
    assert.equal(await ended(first.child), 0);
    assert.deepEqual(await jwks((await start()).url), keys);
  });
});

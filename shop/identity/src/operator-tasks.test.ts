import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { childEnvironment } from '@flotilla/kernel/testing';
import { basic, type Oidc, startOidc } from './testing/oidc-rig.ts';

const keyEncryptionKey = randomBytes(32);

/** The programs that operators run, on the database of a running service. */
describe('an operator', () => {
  let oidc: Oidc;
  before(async () => {
    oidc = await startOidc({ keyEncryptionKey });
  });
  after(() => oidc.close());

  async function run(task: string, ...args: readonly string[]) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'tasks', `${task}.ts`), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...childEnvironment(),
        DATABASE_URL: oidc.identity.uri,
        ISSUER: 'http://127.0.0.1:8080/identity',
        KEY_ENCRYPTION_KEY: keyEncryptionKey.toString('base64'),
      },
    });
    const [out, error, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    return { code, out, error };
  }

  const audit = () =>
    oidc.identity.db.query<{ by: string; reason: string; action: string; details: object }>(
      'SELECT by, reason, action, details FROM operator_audit ORDER BY at DESC, id DESC LIMIT 1',
    );
  const serviceToken = (secret: string) =>
    oidc.post(
      '/token',
      { grant_type: 'client_credentials', scope: 'inventory.read' },
      basic('order-service', secret),
    );

  it('makes new keys: published first, then signing, with no request refused on the way', async () => {
    const { app, db } = oidc.identity;
    const before = app.keys.current().kid;
    const made = await run('rotate-keys', '--reason', 'drill', '--by', 'dana', '--json');
    assert.equal(made.code, 0, made.error);
    const keys = JSON.parse(made.out) as {
      readonly kid: string;
      readonly alg: string;
      readonly signsFrom: string;
    }[];
    assert.deepEqual(keys.map(({ alg }) => alg).sort(), ['ES256', 'RS256']);
    assert.ok(keys.every(({ signsFrom }) => Date.parse(signsFrom) > Date.now() + 3_500_000));
    const [entry] = await audit();
    assert.deepEqual(entry, { by: 'dana', reason: 'drill', action: 'keys.rotate', details: { keys } });

    // Requests go on while the service takes the keys up, and while they begin to sign.
    let over = false;
    const kids = new Set<unknown>();
    const load = Array.from({ length: 4 }, async () => {
      while (!over) {
        const { status, body } = await serviceToken('order-service-secret');
        assert.equal(status, 200);
        const token = String(body['access_token']);
        await app.verifyToken(token);
        kids.add(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid);
        const login = await oidc.identity.logIn('alice@example.com', 'alice-password');
        assert.equal(
          (await oidc.identity.get('/me/sessions', String(login.body['accessToken']))).status,
          200,
        );
      }
    });
    await app.keepUp();
    assert.equal(app.keys.current().kid, before);
    const { tokens } = await oidc.logIn({ parameters: { scope: 'openid' } });
    await db.query("UPDATE signing_key SET signs_from = signs_from - interval '1 hour'");
    await app.keepUp();
    assert.ok(keys.some(({ kid }) => kid === app.keys.current().kid));
    const after = await oidc.logIn({ parameters: { scope: 'openid orders.read' } });
    await app.verifyToken(after.tokens.access_token);
    assert.ok(tokens.id_token);
    over = true;
    await Promise.all(load);
    assert.ok(kids.has(before));
  });

  it('gives a client a new secret, while the old one holds on for a day', async () => {
    const made = await run(
      'clients',
      'rotate-secret',
      'order-service',
      '--reason',
      'drill',
      '--by',
      'dana',
      '--json',
    );
    assert.equal(made.code, 0, made.error);
    const { secret } = JSON.parse(made.out) as { readonly secret: string };
    assert.match(secret, /^[\w-]{43}$/);
    assert.equal((await serviceToken(secret)).status, 200);
    assert.equal((await serviceToken('order-service-secret')).status, 200);
    await oidc.identity.db.query(
      "UPDATE auth_client_secret SET expires_at = expires_at - interval '25 hours'",
    );
    assert.equal((await serviceToken('order-service-secret')).status, 401);
    assert.equal((await serviceToken(secret)).status, 200);
    const stored = await oidc.identity.db.query<{ row: string }>(
      'SELECT a::text AS row FROM operator_audit a UNION ALL SELECT s::text FROM auth_client_secret s',
    );
    assert.equal(
      stored.some(({ row }) => row.includes(secret)),
      false,
    );
    assert.equal((await audit())[0]?.action, 'clients.rotate-secret');
  });

  const shown = async (task: string, ...args: readonly string[]) => {
    const { code, out, error } = await run(task, ...args, '--json');
    assert.equal(code, 0, error);
    return JSON.parse(out);
  };
  const told = (type: string) =>
    oidc.identity.db.query<{ data: Record<string, unknown> }>(
      "SELECT (envelope::jsonb)->'data' AS data FROM outbox WHERE type = $1 ORDER BY id",
      [type],
    );

  it('disables an account: its sessions end, its tokens are refused, nobody signs in; and enables it', async () => {
    const { identity } = oidc;
    const login = await identity.logIn('bob@example.com', 'bob-password');
    const { id } = await shown('users', 'show', 'bob@example.com');
    const done = await shown(
      'users',
      'disable',
      'BOB@example.com',
      '--reason',
      'asked by phone',
      '--by',
      'dana',
    );
    assert.deepEqual(done, {
      userId: id,
      email: 'bob@example.com',
      isDisabled: true,
      isChanged: true,
      sessionsEnded: 1,
    });
    assert.deepEqual(await audit(), [
      {
        by: 'dana',
        reason: 'asked by phone',
        action: 'users.disable',
        details: { userId: id, sessionsEnded: 1 },
      },
    ]);
    const changes = (await told('identity.account-changed.v1')).map(({ data }) => [
      data['userId'],
      data['change'],
    ]);
    assert.deepEqual(changes, [[id, 'disabled']]);
    assert.equal((await told('identity.session-ended.v1')).at(-1)?.data['reason'], 'account-disabled');
    const { refreshToken } = login.body;
    assert.equal((await identity.post('/auth/refresh', { refreshToken: String(refreshToken) })).status, 401);
    assert.equal((await identity.logIn('bob@example.com', 'bob-password')).body['code'], 'account-disabled');
    const again = await shown('users', 'disable', id, '--reason', 'again');
    assert.equal(again.isChanged, false);
    assert.equal((await shown('users', 'enable', id, '--reason', 'a mistake')).isDisabled, false);
    assert.equal((await identity.logIn('bob@example.com', 'bob-password')).status, 200);
  });

  it('lists users without their secrets, and sends one a link', async () => {
    const list = await run('users', 'find', 'CAROL', '--json');
    const [carol, ...more] = JSON.parse(list.out);
    assert.deepEqual([carol.email, more], ['carol@example.com', []]);
    const { out } = await run('users', 'show', 'carol@example.com', '--json');
    assert.equal(/argon2|password/i.test(out), false);
    await shown('users', 'send-reset', 'carol@example.com', '--reason', 'asked by phone');
    assert.equal((await told('identity.password-reset-asked.v1')).at(-1)?.data['email'], 'carol@example.com');
    assert.equal((await audit())[0]?.action, 'users.send-reset');
    assert.match((await run('users', 'list')).out, /^[\w-]{36} {2}\S+@example\.com/m);
  });

  it('ends one session, or all of a user, and clients that want to know are told', async () => {
    const { identity } = oidc;
    const logins = [];
    for (let count = 0; count < 3; count += 1)
      logins.push((await identity.logIn('carol@example.com', 'carol-password')).body);
    const listed = await shown('sessions', 'list', 'carol@example.com');
    assert.equal(listed.length, 3);
    await shown('sessions', 'end', listed[0].id, '--reason', 'a lost phone');
    assert.equal((await shown('sessions', 'list', 'carol@example.com')).length, 2);
    const { sessionsEnded } = await shown(
      'sessions',
      'end-all',
      'carol@example.com',
      '--reason',
      'a lost phone',
    );
    assert.equal(sessionsEnded, 2);
    for (const { refreshToken } of logins)
      assert.equal(
        (await identity.post('/auth/refresh', { refreshToken: String(refreshToken) })).status,
        401,
      );
    assert.equal(
      (await run('sessions', 'list', 'carol@example.com')).out,
      'carol@example.com is signed in nowhere.\n',
    );
  });

  it('replaces a secret that is known to others: those before end at once', async () => {
    const { secret } = await shown(
      'clients',
      'replace-secret',
      'order-service',
      '--reason',
      'it was in a log',
    );
    assert.equal((await serviceToken(secret)).status, 200);
    const client = await shown('clients', 'show', 'order-service');
    assert.equal(client.secrets.length, 1);
    assert.equal((await audit())[0]?.action, 'clients.replace-secret');
  });

  it('is told what is wrong', async () => {
    for (const [task, args, code, said] of [
      ['rotate-keys', [], 2, /reason.*usage: rotate-keys.*TASK_USAGE/],
      ['rotate-keys', ['--reason', 'x', 'more'], 2, /TASK_USAGE/],
      ['clients', ['rotate-secret', '--reason', 'x'], 2, /TASK_USAGE/],
      [
        'clients',
        ['rotate-secret', 'mobile-app', '--reason', 'x'],
        1,
        /no client with a secret; there are web-app, order-service/,
      ],
      ['clients', ['rotate-secret', 'web-app', '--reazon', 'x'], 2, /usage/],
      [
        'clients',
        ['show', 'nobody'],
        1,
        /there is no client nobody; there are mobile-app, web-app, order-service/,
      ],
      ['users', ['disable', 'alice@example.com'], 2, /reason.*usage: users list/s],
      ['users', ['constructor'], 2, /TASK_USAGE/],
      ['users', ['show', 'nobody@example.com'], 1, /there is no user nobody@example\.com/],
      [
        'users',
        ['disable', 'admin@example.com', '--reason', 'x'],
        1,
        /last administrator; nothing was changed/,
      ],
      ['sessions', ['end', 'none', '--reason', 'x'], 1, /no session none/],
    ] as const) {
      const refused = await run(task, ...args);
      assert.equal(refused.code, code, refused.error);
      assert.match(refused.error, said);
    }
  });
});

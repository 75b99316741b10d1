import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { authorization, type Browser, createBrowser, losingFirstAnswer } from '../testing/oidc-browser.ts';
import { CALLBACK, ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';
import { withoutDatabase } from '../testing.ts';

const PASSWORD = 'seven green bicycles';

describe('signing up on the way to an application', () => {
  let oidc: Oidc;
  before(async () => {
    oidc = await startOidc({
      clients: [
        {
          ...{ id: 'back-office', name: 'Back office', kind: 'web', scopes: ['openid'] },
          ...{ redirectUris: [CALLBACK], withoutSignUp: true },
        },
      ],
    });
  });
  after(() => oidc.close());
  beforeEach(() => oidc.identity.db.query('DELETE FROM pace'));

  const browser = (send = oidc.send) => createBrowser(ORIGIN, send);
  const asked = (more: Readonly<Record<string, string>> = {}) => {
    const client = { client_id: 'web-app', redirect_uri: CALLBACK, scope: 'openid', prompt: 'login' };
    return authorization(ISSUER, { ...client, ...more }).url;
  };
  async function signUpPage(user: Browser, more?: Readonly<Record<string, string>>) {
    const login = await user.visit(asked(more));
    const [, href = ''] = /New here\? <a href="([^"]*)"/.exec(login.text) ?? [];
    return await user.visit(new URL(href, login.url).href);
  }
  const person = (email: string) => ({ name: 'Dana', email, password: PASSWORD });
  const accountsOf = (email: string) =>
    oidc.identity.db.query<{ id: string; role: string }>(
      'SELECT id, role FROM account WHERE email_key = $1',
      [email],
    );
  const back = async (user: Browser, page: { readonly text: string }) =>
    new URL((await user.submit(page as never, {})).url).searchParams;

  it('takes a link of the login page and a form without a script, and ends at the application', async () => {
    const user = browser();
    const page = await signUpPage(user, { login_hint: 'dana@example.com' });
    assert.match(page.text, /to continue to Flotilla on the web/);
    assert.ok(page.text.includes('value="dana@example.com"'));
    assert.equal(page.text.includes('<script'), false);
    const consent = await user.submit(page, person(' dana@example.com '));
    assert.match(consent.text, /Allow access\?/);
    assert.ok((await back(user, consent)).get('code'));
    const [account] = await accountsOf('dana@example.com');
    assert.equal(account?.role, 'Customer');
    const told = await oidc.identity.db.query<{ type: string }>('SELECT type FROM outbox WHERE key = $1', [
      account?.id,
    ]);
    assert.deepEqual(
      told.map(({ type }) => type),
      ['user.registered.v1', 'identity.email-verification-asked.v1'],
    );
  });

  it('refuses what `POST /users` refuses, and keeps what was typed but for the password', async () => {
    const user = browser();
    const page = await signUpPage(user);
    for (const [wrong, status, said] of [
      [{ password: 'password1' }, 422, 'This password is among those'],
      [{ email: 'no address' }, 422, 'Enter an e-mail address'],
      [{ name: '' }, 422, 'Enter a name'],
      [{ name: 'two\u2028lines' }, 422, 'Enter a name'],
      [{ password: 'x'.repeat(1_025) }, 422, 'This password is too long'],
      [{ email: 'alice@example.com' }, 409, 'There is an account'],
    ] as const) {
      const given = { ...person('erin@example.com'), ...wrong };
      const refused = await user.submit(page, given);
      assert.equal(refused.status, status, said);
      assert.ok(refused.text.includes(`role="alert">${said}`), said);
      assert.ok(refused.text.includes(`value="${given.email}"`));
      assert.equal(refused.text.includes(given.password), false);
    }
    assert.deepEqual(await accountsOf('erin@example.com'), []);
    await oidc.identity.db.query("UPDATE pace SET forgotten_at = now() + interval '1 hour'");
    const limited = await user.submit(page, person('erin@example.com'));
    assert.equal(limited.status, 429);
    assert.ok(Number(limited.headers.get('retry-after')) > 60);
  });

  it('that is sent twice makes one account and one way on', async () => {
    for (const atOnce of [false, true]) {
      const email = `twice-${atOnce}@example.com`;
      const user = browser(losingFirstAnswer(oidc.send));
      const page = await signUpPage(user);
      const lost = assert.rejects(user.submit(page, person(email)));
      if (!atOnce) await lost;
      const outcomes = await Promise.allSettled([user.submit(page, person(email)), lost]);
      const [second] = outcomes;
      assert.ok(second.status === 'fulfilled' && second.value.text.includes('Allow access?'), email);
      assert.equal((await accountsOf(email)).length, 1);
    }
  });

  it('signs in whoever has an account, by its password', async () => {
    const user = browser();
    const consent = await user.submit(await signUpPage(user), {
      ...person('alice@example.com'),
      password: 'alice-password',
    });
    assert.match(consent.text, /Allow access\?/);
  });

  it('comes first where the application asks for it, and a sign-in does as well', async () => {
    const user = browser();
    const first = await user.visit(asked({ prompt: 'create' }));
    assert.match(first.text, /<h1>Create an account<\/h1>/);
    const [, href = ''] = /You have an account\? <a href="([^"]*)"/.exec(first.text) ?? [];
    const login = await user.visit(new URL(href, first.url).href);
    const consent = await user.submit(login, { email: 'alice@example.com', password: 'alice-password' });
    assert.ok((await back(user, consent)).get('code'));
    const metadata = await oidc.send(`${ISSUER}/.well-known/openid-configuration`);
    const { prompt_values_supported: prompts } = (await metadata.json()) as Record<string, unknown>;
    assert.deepEqual(prompts, ['none', 'create', 'login', 'consent']);
  });

  it('is not to be had where the application wants no new accounts', async () => {
    const user = browser();
    const client = { client_id: 'back-office', prompt: 'create' };
    const login = await user.visit(asked(client));
    assert.match(login.text, /<h1>Sign in<\/h1>/);
    assert.equal(login.text.includes('Create an account'), false);
    const forged = login.text.replace(/action="([^"]*)\/login"/, 'action="$1/sign-up"');
    const refused = await user.submit({ ...login, text: forged }, person('frank@example.com'));
    assert.match(refused.text, /<h1>Sign in<\/h1>/);
    assert.deepEqual(await accountsOf('frank@example.com'), []);
  });

  it('says when to try again while too many sign up', async () => {
    const { identity } = oidc;
    const gate = Promise.withResolvers<void>();
    const page = await signUpPage(browser());
    identity.hashing.gate = gate.promise;
    const flood = Array.from({ length: 70 }, (_, n) =>
      identity.signUp(`flood-${n}@example.com`, PASSWORD, '127.0.0.1'),
    );
    try {
      await eventually('the queue is full', async () => identity.hashing.waiting > 0);
      await Promise.race(flood);
      const user = browser();
      const refused = await user.submit(await signUpPage(user), person('gina@example.com'));
      assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5']);
      assert.ok(refused.text.includes('Try again in 5 seconds'));
      assert.ok(refused.text.includes('value="gina@example.com"'));
    } finally {
      identity.hashing.gate = undefined;
      gate.resolve();
      await Promise.all(flood);
    }
    assert.equal(page.status, 200);
  });

  it('and signing in say when to try again while something is away, and go on from there', async () => {
    const { db } = oidc.identity;
    const user = browser();
    const page = await signUpPage(user);
    const away = await withoutDatabase(db, 'pace', () => user.submit(page, person('hugo@example.com')));
    assert.deepEqual([away.status, away.headers.get('retry-after')], [503, '5']);
    assert.equal(away.text.includes(PASSWORD), false);
    const again = await user.submit(away, {});
    assert.ok(again.text.includes('value="Dana"') && again.text.includes('value="hugo@example.com"'));
    assert.equal(again.text.includes('role="alert"'), false);
    assert.match((await user.submit(again, person('hugo@example.com'))).text, /Allow access\?/);
  });
});

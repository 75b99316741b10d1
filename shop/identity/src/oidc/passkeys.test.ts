import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { type Authenticator, createAuthenticator, type Lies, optionsOf } from '../testing/authenticator.ts';
import {
  authorization,
  type Browser,
  createBrowser,
  type Fetch,
  fetchAt,
  type Page,
} from '../testing/oidc-browser.ts';
import { CALLBACK, type Oidc, startOidc } from '../testing/oidc-rig.ts';
import { claimsOf } from '../testing.ts';

const ORIGIN = 'http://localhost:8080';
const ISSUER = `${ORIGIN}/identity`;
const PASSWORD = 'a fine password';
const KIM = 'kim@example.com';

describe('passkeys', () => {
  const clock = createManualClock(new Date());
  let oidc: Oidc;
  let send: Fetch;
  before(async () => {
    oidc = await startOidc({ clock, issuer: ISSUER });
    send = fetchAt(ORIGIN, oidc.url);
  });
  after(() => oidc.close());
  let authenticator: Authenticator;
  beforeEach(async () => {
    for (const table of ['account', 'pace', 'login_failure', 'outbox', 'used_challenge'])
      await oidc.identity.db.query(`DELETE FROM ${table}`);
    await oidc.identity.signUp(KIM);
    authenticator = createAuthenticator(ORIGIN);
  });

  const browse = () => createBrowser(ORIGIN, send);
  const rows = (sql: string) => oidc.identity.db.query<Record<string, unknown>>(sql);

  /** As far as the list of passkeys, by password and, where it takes one, a code. */
  async function openList(browser: Browser, email = KIM, code = ''): Promise<Page> {
    const start = await browser.visit(`${ISSUER}/passkeys`);
    const page = await browser.submit(start, { email, password: PASSWORD });
    return code === '' ? page : await browser.submit(page, { code });
  }
  const formOf = (page: Page, kind: 'add' | 'remove') =>
    [...page.text.matchAll(/<form[^>]*action="([^"]*)"/g)].findIndex(([, to]) => to?.endsWith(`/${kind}`));

  async function add(email = KIM, key = authenticator): Promise<readonly string[]> {
    const browser = browse();
    const list = await openList(browser, email);
    const answer = key.create(optionsOf(list, 'create'));
    const done = await browser.submit(list, { answer }, formOf(list, 'add'));
    return [...done.text.matchAll(/<li><code>([A-Z2-7-]{19})<\/code>/g)].map(([, code = '']) => code);
  }

  const begin = () =>
    authorization(ISSUER, { client_id: 'web-app', redirect_uri: CALLBACK, scope: 'openid orders.read' });
  const passkeyForm = (page: Page) =>
    [...page.text.matchAll(/<form[^>]*>/g)].findIndex(([tag]) => tag.includes('data-passkey="get"'));
  const answerAt = (browser: Browser, page: Page, lies: Lies = {}, key = authenticator) =>
    browser.submit(page, { answer: key.get(optionsOf(page, 'get'), lies) }, passkeyForm(page));

  async function tokensOf(asked: ReturnType<typeof begin>, browser: Browser, page: Page) {
    const end = page.text.includes('Allow access?') ? await browser.submit(page, {}) : page;
    const response = await send(`${ISSUER}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('web-app:web-app-secret').toString('base64')}` },
      body: new URLSearchParams({
        ...{ grant_type: 'authorization_code', redirect_uri: CALLBACK, code_verifier: asked.verifier },
        code: new URL(end.url).searchParams.get('code') ?? '',
      }),
    });
    return (await response.json()) as Record<string, unknown>;
  }
  const howOf = (tokens: Record<string, unknown>) =>
    ['id_token', 'access_token'].map((name) => {
      const { acr, amr } = claimsOf(tokens[name]);
      return { acr, amr };
    });
  const MULTI_FACTOR = 'urn:flotilla:acr:multi-factor';

  it('are added by who shows the password, on a page whose policy lets its one script in', async () => {
    const browser = browse();
    const start = await browser.visit(`${ISSUER}/passkeys`);
    assert.equal((await browser.submit(start, { email: KIM, password: 'wrong' })).status, 401);
    const list = await openList(browser);
    assert.match(list.text, /There is none yet/);
    const policy = list.headers.get('content-security-policy') ?? '';
    assert.match(
      policy,
      /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; form-action 'self';/,
    );

    const codes = await add();
    assert.equal(new Set(codes).size, 10);
    const told = await rows(
      "SELECT envelope::jsonb->'data'->>'isAdded' AS added FROM outbox WHERE type = 'identity.passkey-changed.v1'",
    );
    assert.deepEqual(told, [{ added: 'true' }]);
    const full = await openList(browse(), KIM, codes[0]);
    assert.match(full.text, /<b>Firefox on Linux<\/b><small>added on [\d-]+, not used yet/);
    assert.equal(JSON.parse(optionsOf(full, 'create')).excludeCredentials[0].id, authenticator.id);
    const again = await browser.submit(
      full,
      { answer: authenticator.create(optionsOf(full, 'create')) },
      formOf(full, 'add'),
    );
    assert.equal(again.status, 422, 'the same one twice');
    const forged = await browser.submit(full, { answer: '{}', ticket: 'made up' }, formOf(full, 'add'));
    assert.equal(forged.status, 410);
  });

  it('sign in by themselves, and tokens say so', async () => {
    await add();
    const browser = browse();
    const asked = begin();
    const done = await answerAt(browser, await browser.visit(asked.url));
    const tokens = await tokensOf(asked, browser, done);
    assert.deepEqual(howOf(tokens)[0], { acr: MULTI_FACTOR, amr: ['hwk', 'user', 'mfa'] });
    assert.deepEqual(howOf(tokens)[1], howOf(tokens)[0]);
    assert.ok((await rows('SELECT last_used_at FROM passkey'))[0]?.['last_used_at'] instanceof Date);
  });

  it('come after the password, where a recovery code stands in for them', async () => {
    const codes = await add();
    const browser = browse();
    const asked = begin();
    const login = await browser.visit(asked.url);
    const second = await browser.submit(login, { email: KIM, password: PASSWORD });
    assert.match(second.text, /<h1>One more step<\/h1>/);
    assert.equal(JSON.parse(optionsOf(second, 'get')).allowCredentials[0].id, authenticator.id);
    const tokens = await tokensOf(asked, browser, await answerAt(browser, second));
    assert.deepEqual(howOf(tokens)[0], { acr: MULTI_FACTOR, amr: ['pwd', 'hwk', 'mfa'] });

    const logIn = (code?: string) =>
      oidc.identity.post('/auth/login', { email: KIM, password: PASSWORD, ...(code && { code }) });
    assert.equal((await logIn()).body['code'], 'second-factor-required');
    assert.equal((await logIn(codes[3])).status, 200);
    assert.equal((await logIn(codes[3])).body['code'], 'wrong-code', 'each once');
  });

  it('open nothing twice by one answer, also of many at once', async () => {
    await add();
    const browser = browse();
    const page = await browser.visit(begin().url);
    const answer = authenticator.get(optionsOf(page, 'get'));
    const outcomes = await Promise.all(
      [1, 2, 3].map(() => browser.submit(page, { answer }, passkeyForm(page))),
    );
    const refused = outcomes.filter(({ text }) => text.includes('This passkey does not open'));
    const signedIn = outcomes.filter(({ text }) => text.includes('Allow access?'));
    assert.ok(signedIn.length >= 1 && refused.length + signedIn.length <= 3);
    assert.equal((await rows('SELECT 1 FROM used_challenge')).length, 2, 'of the adding, and of this');
    // A login of somebody else's, later: the answer was seen on the way.
    const thief = browse();
    const other = await thief.visit(begin().url);
    assert.equal((await thief.submit(other, { answer }, passkeyForm(other))).status, 401);
  });

  it('of another account do not come after a password, whatever an answer says', async () => {
    await add();
    await oidc.identity.signUp('max@example.com');
    const others = createAuthenticator(ORIGIN);
    await add('max@example.com', others);
    const browser = browse();
    const second = await browser.submit(await browser.visit(begin().url), { email: KIM, password: PASSWORD });
    const refused = await answerAt(browser, second, {}, others);
    assert.equal(refused.status, 401);
    assert.match(refused.text, /<h1>One more step<\/h1>/);
    const forged = await answerAt(browser, refused, { id: authenticator.id }, others);
    assert.equal(forged.status, 401);
    assert.equal((await answerAt(browser, forged)).status, 200);
  });

  it('that have counted further elsewhere are refused: there may be a copy', async () => {
    await add();
    const browser = browse();
    const page = await answerAt(browser, await browser.visit(begin().url), { counter: 1 });
    assert.equal(page.status, 401);
    assert.match(page.text, /This passkey does not open an account/);
    assert.match((await answerAt(browser, page, { counter: 9 })).text, /Allow access\?/);
  });

  it('of a disabled account, and of one whose ticket is old, open nothing', async () => {
    await add();
    await rows('UPDATE account SET disabled_at = now()');
    const browser = browse();
    const page = await answerAt(browser, await browser.visit(begin().url));
    assert.equal(page.status, 403);
    await rows('UPDATE account SET disabled_at = NULL');
    const second = await browser.submit(page, { email: KIM, password: PASSWORD });
    await rows('UPDATE account SET version = version + 1');
    assert.match((await answerAt(browser, second)).text, /<h1>Sign in<\/h1>/);
  });

  it('are removed by their owner; with the last one the password is enough again', async () => {
    const [code = ''] = await add();
    const browser = browse();
    const list = await openList(browser, KIM, code);
    const done = await browser.submit(list, {}, formOf(list, 'remove'));
    assert.match(done.text, /The passkey is removed/);
    assert.deepEqual(await rows('SELECT 1 FROM recovery_code'), []);
    assert.equal((await oidc.identity.logIn(KIM)).status, 200);
    const page = await answerAt(browser, await browser.visit(begin().url));
    assert.equal(page.status, 401);
  });

  it('go with their account', async () => {
    await add();
    await rows('DELETE FROM account');
    assert.deepEqual(await rows('SELECT 1 FROM passkey'), []);
    const browser = browse();
    assert.equal((await answerAt(browser, await browser.visit(begin().url))).status, 401);
  });
});

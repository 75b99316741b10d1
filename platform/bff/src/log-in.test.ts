import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CLIENT } from '../test/issuer.ts';
import { ORIGIN, startRig } from '../test/rig.ts';

type Rig = Awaited<ReturnType<typeof startRig>>;

describe('a login', () => {
  let rig: Rig;
  before(async () => {
    rig = await startRig();
  });
  after(() => rig.close());

  it('is a code with PKCE, state and nonce for a confidential client, and ends where it began', async () => {
    const browser = rig.openBrowser();
    const begun = await browser.go('/bff/login?returnUrl=/basket&loginHint=a%40b.test');
    assert.equal(begun.statusCode, 303);
    const { origin, pathname, searchParams } = new URL(String(begun.headers.location));
    assert.equal(origin + pathname, 'https://id.test/auth');
    const asked = Object.fromEntries(searchParams);
    assert.equal(asked['response_type'], 'code');
    assert.equal(asked['client_id'], CLIENT.id);
    assert.equal(asked['redirect_uri'], `${ORIGIN}/bff/callback`);
    assert.equal(asked['code_challenge_method'], 'S256');
    assert.equal(asked['login_hint'], 'a@b.test');
    for (const name of ['state', 'nonce', 'code_challenge'])
      assert.ok((asked[name]?.length ?? 0) >= 40, name);
    const answer = rig.provider.answerTo(String(begun.headers.location));
    const ended = await browser.go(`/bff/callback?${answer}`);
    assert.equal(ended.statusCode, 303);
    assert.equal(ended.headers.location, '/basket');
    assert.equal(ended.headers['cache-control'], 'no-store');
  });

  it('gives a cookie that no script, no other host and no plain connection gets, and keeps nothing but its hash', async () => {
    const browser = rig.openBrowser();
    await browser.logIn();
    const [text = ''] = browser.setCookies.filter((one) => one.startsWith('__Host-fl-sid='));
    assert.match(text, /^__Host-fl-sid=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
    assert.deepEqual([...browser.jar.keys()], ['__Host-fl-sid'], 'what belonged to the login is gone');
    const [row] = await rig.db.query('SELECT * FROM bff_session');
    const stored = JSON.stringify(row, (_, value: unknown) =>
      Buffer.isBuffer(value) ? value.toString('latin1') : value,
    );
    for (const secret of [browser.jar.get('__Host-fl-sid') ?? '?', 'access of', 'alice@shop.test'])
      assert.ok(!stored.includes(secret), secret);
  });

  it('gives a new id each time, and ends the session before', async () => {
    const browser = rig.openBrowser();
    await browser.logIn();
    const first = browser.jar.get('__Host-fl-sid') ?? '';
    await browser.logIn();
    assert.notEqual(browser.jar.get('__Host-fl-sid'), first);
    const other = rig.openBrowser();
    other.jar.set('__Host-fl-sid', first);
    assert.equal(await other.code('/bff/user'), '401 unauthorized');
  });

  it('is not begun by looking: a visitor gets no cookie and costs no row', async () => {
    const before = await rig.sessions();
    const visitor = rig.openBrowser();
    assert.equal(await visitor.code('/bff/user'), '401 unauthorized');
    await visitor.go('/bff/login');
    assert.equal(await rig.sessions(), before);
    assert.deepEqual(
      [...visitor.jar.keys()].filter((name) => name.includes('sid')),
      [],
    );
  });

  it('keeps a cookie of 200 bytes whatever the issuer says of a user', async () => {
    const browser = rig.openBrowser();
    await browser.logIn('/', { name: 'x'.repeat(6_000) });
    const [name = '', value = ''] = [...browser.jar].at(-1) ?? [];
    assert.ok(name.length + value.length <= 200);
    assert.equal(await browser.code('/bff/user'), '200');
  });

  it('of several tabs ends in each of them, in any order', async () => {
    const browser = rig.openBrowser();
    const tabs = [
      await browser.go('/bff/login?returnUrl=/search'),
      await browser.go('/bff/login?returnUrl=/basket'),
    ];
    const ends: unknown[] = [];
    for (const tab of tabs.reverse())
      ends.push(
        (await browser.go(`/bff/callback?${rig.provider.answerTo(String(tab.headers.location))}`)).headers
          .location,
      );
    assert.deepEqual(ends, ['/basket', '/search']);
  });

  it('that is left half done fifty times leaves three cookies of ten minutes', async () => {
    const browser = rig.openBrowser();
    for (let n = 0; n < 50; n += 1) await browser.go('/bff/login');
    assert.equal(browser.jar.size, 3);
    assert.ok([...browser.jar].map((pair) => pair.join('=')).join('; ').length < 2_048);
    for (const text of browser.setCookies) assert.match(text, /HttpOnly; SameSite=Lax; Max-Age=(600|0)$/);
  });

  it('cannot be ended by a browser that did not begin it, nor twice, nor too late', async () => {
    const [browser, other] = [rig.openBrowser(), rig.openBrowser()];
    const begun = await browser.go('/bff/login');
    const answer = rig.provider.answerTo(String(begun.headers.location));
    const foreign = await other.go(`/bff/callback?${answer}`);
    assert.equal(foreign.statusCode, 400);
    assert.match(foreign.body, /This sign-in cannot go on/);
    assert.equal(other.jar.size, 0);
    const held = new Map(browser.jar);
    assert.equal((await browser.go(`/bff/callback?${answer}`)).statusCode, 303);
    // The back button: it is done.
    assert.equal((await browser.go(`/bff/callback?${answer}`)).headers.location, '/');
    const again = rig.openBrowser();
    for (const [name, value] of held) again.jar.set(name, value);
    assert.equal((await again.go(`/bff/callback?${answer}`)).statusCode, 400, 'the code is used up');
    const slow = rig.openBrowser();
    const late = rig.provider.answerTo(String((await slow.go('/bff/login')).headers.location));
    rig.clock.offsetMs += 601_000;
    const refused = await slow.go(`/bff/callback?${late}`);
    rig.clock.offsetMs -= 601_000;
    assert.equal(refused.statusCode, 400);
  });

  it('is refused when the answer is of another issuer, for another nonce or another state', async () => {
    for (const change of [
      (answer: URLSearchParams) => answer.set('iss', 'https://evil.test'),
      (answer: URLSearchParams) => answer.delete('iss'),
      (answer: URLSearchParams) => answer.set('state', `${answer.get('state')}x`),
      (answer: URLSearchParams) => answer.set('code', 'another'),
    ]) {
      const browser = rig.openBrowser();
      const answer = rig.provider.answerTo(String((await browser.go('/bff/login')).headers.location));
      change(answer);
      const refused = await browser.go(`/bff/callback?${answer}`);
      assert.equal(refused.statusCode, 400);
      assert.equal(browser.jar.has('__Host-fl-sid'), false);
    }
    const browser = rig.openBrowser();
    const answer = rig.provider.answerTo(String((await browser.go('/bff/login')).headers.location), {
      nonce: 'another',
    });
    assert.equal((await browser.go(`/bff/callback?${answer}`)).statusCode, 400);
  });

  it('that the user cancels ends where it began, with nobody signed in', async () => {
    const browser = rig.openBrowser();
    const begun = await browser.go('/bff/login?returnUrl=/search');
    const state = new URL(String(begun.headers.location)).searchParams.get('state') ?? '';
    const ended = await browser.go(
      `/bff/callback?${new URLSearchParams({ error: 'access_denied', state, iss: 'https://id.test' })}`,
    );
    assert.equal(ended.headers.location, '/search');
    assert.equal(browser.jar.size, 0);
  });

  it('says so when the issuer is away, and goes on when it is back', async () => {
    const other = await startRig();
    try {
      const browser = other.openBrowser();
      for (const when of ['from the start', 'and then once more']) {
        other.provider.state.isAway = true;
        const page = await browser.go('/bff/login');
        assert.equal(page.statusCode, 503, when);
        assert.match(page.body, /Everything that needs no account works/);
        other.provider.state.isAway = false;
        assert.equal(await browser.logIn('/basket'), '/basket');
        other.clock.offsetMs += 5_001;
      }
    } finally {
      await other.close();
    }
  });

  it('is not possible without the secret of the client, and the page says why', async () => {
    const bare = await startRig({
      issuer: { url: 'https://id.test', clientId: 'web-app', clientSecret: undefined, scope: 'openid' },
    });
    try {
      const page = await bare.openBrowser().go('/bff/login');
      assert.equal(page.statusCode, 503);
      assert.match(page.body, /not set up/);
    } finally {
      await bare.close();
    }
  });
});

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PlatformError } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { OWN, startRig } from '../test/rig.ts';
import { bffMigrations } from './migrations.ts';

type Rig = Awaited<ReturnType<typeof startRig>>;

describe('a session', () => {
  let rig: Rig;
  before(async () => {
    rig = await startRig({ replicas: 2 });
  });
  afterEach(() => {
    Object.assign(rig.provider.state, { onExchange: undefined, isAway: false, exchanges: [] });
    rig.answers.clear();
  });
  after(() => rig.close());

  async function signedIn() {
    const browser = rig.openBrowser();
    await browser.logIn('/', { sid: `sid-${Math.random()}` });
    return browser;
  }

  it('exchanges its tokens once, whatever the tabs and replicas, and everybody is served', async () => {
    const browser = await signedIn();
    await rig.expire();
    rig.provider.state.onExchange = async () => void (await delay(150));
    const asked = Array.from({ length: 200 }, (_, n) => browser.code('/orders', { at: n % 2 }));
    assert.deepEqual([...new Set(await Promise.all(asked))], ['200']);
    assert.equal(rig.provider.state.exchanges.length, 1);
    const last = rig.seen.slice(-200).map(({ headers }) => headers['authorization']);
    assert.deepEqual(new Set(last).size, 1);
    assert.match(String(last[0]), /^Bearer access of family-\S+ 1$/);
  });

  it('does so in many schedules: never a fork, never a logout', async () => {
    const browser = await signedIn();
    for (let round = 0; round < 30; round += 1) {
      await rig.expire();
      rig.provider.state.exchanges = [];
      rig.provider.state.onExchange = async () => void (await delay(Math.random() * 10));
      const asked = Array.from({ length: 12 }, async (_, n) => {
        await delay(Math.random() * 12);
        return await browser.code('/orders', { at: n % 2 });
      });
      assert.deepEqual([...new Set(await Promise.all(asked))], ['200'], `round ${round}`);
      assert.equal(rig.provider.state.exchanges.length, 1, `round ${round}`);
    }
  });

  it('goes on when the answer of the issuer was lost', async () => {
    const browser = await signedIn();
    await rig.expire();
    let lost = 0;
    rig.provider.state.onExchange = async () =>
      lost++ === 0 ? Response.json({ error: 'server_error' }, { status: 502 }) : undefined;
    assert.equal(await browser.code('/orders'), '503 temporarily-unavailable');
    assert.equal(browser.jar.size, 1, 'nobody is signed out');
    assert.equal(await browser.code('/orders'), '200');
  });

  it('survives an issuer that is away: the token that is still good serves', async () => {
    const browser = await signedIn();
    const soon = new Date(rig.clock.now().getTime() + 25_000);
    await rig.db.query('UPDATE bff_session SET access_expires_at = $1', [soon]);
    rig.clock.offsetMs += 1_100;
    rig.provider.state.isAway = true;
    assert.equal(await browser.code('/orders'), '200');
    await rig.expire();
    assert.equal(await browser.code('/orders'), '503 temporarily-unavailable');
    assert.equal(await browser.code('/bff/user'), '200');
    rig.provider.state.isAway = false;
    assert.equal(await browser.code('/orders'), '200');
  });

  it('ends when the issuer gives no more tokens', async () => {
    const browser = await signedIn();
    const others = await rig.sessions();
    await rig.expire();
    rig.provider.state.onExchange = async () => Response.json({ error: 'invalid_grant' }, { status: 400 });
    const asked = Array.from({ length: 20 }, (_, n) => browser.code('/orders', { at: n % 2 }));
    assert.deepEqual([...new Set(await Promise.all(asked))], ['401 unauthorized']);
    assert.equal(await rig.sessions(), others - 1);
  });

  it('takes a new token when a service does not take the one it has', async () => {
    const browser = await signedIn();
    rig.answers.set('/orders/o-1', ({ headers }) => ({
      status: String(headers['authorization']).endsWith(' 0') ? 401 : 200,
    }));
    const asked = Array.from({ length: 10 }, (_, n) => browser.code('/orders/o-1', { at: n % 2 }));
    assert.deepEqual([...new Set(await Promise.all(asked))], ['200']);
    assert.equal(rig.provider.state.exchanges.length, 1);
    rig.answers.set('/orders/o-1', () => ({ status: 401 }));
    assert.equal(await browser.code('/orders/o-1'), '401 unauthorized');
  });

  it('that is ended while requests run stays ended', async () => {
    const browser = await signedIn();
    const cookie = `__Host-fl-sid=${browser.jar.get('__Host-fl-sid')}`;
    await rig.expire();
    const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    rig.provider.state.onExchange = async () => {
      asked.resolve();
      await answer.promise;
      return undefined;
    };
    const running = Array.from({ length: 50 }, (_, n) => browser.code('/orders', { at: n % 2 }));
    await asked.promise;
    assert.equal(await browser.code('/bff/logout', { method: 'POST' }), '204', 'it waits for no issuer');
    answer.resolve();
    assert.equal(browser.jar.size, 0);
    await Promise.all(running);
    for (let n = 0; n < 4; n += 1) {
      const response = await rig.openBrowser().go('/orders', { at: n % 2, headers: { ...OWN, cookie } });
      assert.equal(response.statusCode, 401);
    }
    const [row] = await rig.db.query<{ n: string }>(
      "SELECT count(*) AS n FROM bff_session WHERE subject = 'alice' AND version > 1000",
    );
    assert.equal(row?.n, '0');
  });

  it('is ended at the issuer too', async () => {
    const browser = await signedIn();
    assert.equal(await browser.code('/bff/logout', { method: 'POST' }), '204');
    assert.match(rig.provider.state.revoked.at(-1) ?? '', /^family-/);
    assert.equal(await browser.code('/bff/logout', { method: 'POST' }), '204', 'twice is once');
  });

  it('ends when the issuer says so, on all replicas within a second', async () => {
    const browser = rig.openBrowser();
    await browser.logIn('/', { sid: 'the-one' });
    const bystander = await signedIn();
    assert.equal(await browser.code('/bff/user', { at: 1 }), '200');
    const tell = (token: string, more = '') =>
      rig.openBrowser().code('/bff/backchannel-logout', {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          origin: 'https://id.test',
          'x-csrf': '',
        },
        body: `logout_token=${token}${more}`,
      });
    const { logoutToken } = rig.provider;
    const now = Math.floor(Date.now() / 1_000);
    for (const [wrong, why] of [
      [logoutToken({ sid: 'the-one' }, { typ: 'JWT' }), 'its type'],
      [logoutToken({ sid: 'the-one' }, { alg: 'none' }), 'its algorithm'],
      [logoutToken({ sid: 'the-one' }, { kid: 'k2' }), 'its key'],
      [`${logoutToken({ sid: 'the-one' }).slice(0, -8)}AAAAAAAA`, 'its signature'],
      [logoutToken({ sid: 'the-one', nonce: 'n' }), 'a nonce'],
      [logoutToken({ sid: 'the-one', aud: 'other' }), 'its audience'],
      [logoutToken({ sid: 'the-one', iss: 'https://evil.test' }), 'its issuer'],
      [logoutToken({ sid: 'the-one', events: {} }), 'its event'],
      [logoutToken({ sid: 'the-one', exp: now - 120 }), 'its end'],
      [logoutToken({ sid: 'the-one', iat: now - 3_600 }), 'its age'],
      [logoutToken({ sid: undefined, sub: undefined }), 'nobody in it'],
      ['nonsense', 'that it is none'],
    ] as const)
      assert.equal(await tell(wrong), '400 invalid-logout-token', why);
    const right = logoutToken({ sid: 'the-one' });
    assert.equal(await tell(right, `&logout_token=${right}`), '400 invalid-logout-token', 'two of them');
    assert.equal(await browser.code('/bff/user', { at: 1 }), '200');
    assert.equal(await tell(right), '200');
    assert.equal(await browser.code('/bff/user'), '401 unauthorized');
    rig.clock.offsetMs += 1_000;
    assert.equal(await browser.code('/bff/user', { at: 1 }), '401 unauthorized');
    assert.equal(await tell(right), '200', 'said again, it is as true');
    assert.equal(await tell(logoutToken({ sid: 'nobody knows it' })), '200', 'it ended somewhere else');
    assert.equal(await bystander.code('/bff/user'), '200');
    assert.equal(await tell(logoutToken({ sid: undefined })), '200', 'of all sessions of a user');
    assert.equal(await bystander.code('/bff/user'), '401 unauthorized');
  });

  it('ends with its time, and does not while it is used', async () => {
    const browser = await signedIn();
    const day = 86_400_000;
    for (let n = 0; n < 5; n += 1) {
      rig.clock.offsetMs += 6 * day;
      const expected = n < 4 ? '200' : '401 unauthorized'; // 30 days after the login
      assert.equal(await browser.code('/bff/user'), expected, `after ${6 * (n + 1)} days`);
      if (n === 4) break;
      const nearlyAWeek = new Date(rig.clock.now().getTime() + 6.9 * day);
      const moved = 'SELECT FROM bff_session WHERE idle_until > $1 OR idle_until = ends_at';
      await eventually('the end is moved, beside the answer', async () => {
        return (await rig.db.query(moved, [nearlyAWeek])).length > 0;
      });
    }
    const idle = await signedIn();
    rig.clock.offsetMs += 7 * day;
    assert.equal(await idle.code('/bff/user'), '401 unauthorized');
    await rig.bffs[0]?.bff.sessions.forgetEnded();
    assert.equal(await rig.sessions(), 0);
  });
});

it('two systems on one machine share a jar of cookies, and sign nobody out of the other', async () => {
  const PORTS = [8080, 8081];
  const rigs = await Promise.all(PORTS.map((port) => startRig({ origin: `http://127.0.0.1:${port}` })));
  try {
    const jar = new Map<string, string>();
    const tabs = rigs.map((rig) => rig.openBrowser(jar));
    const ask = (method: string, url: string) =>
      Promise.all(
        tabs.map(async (tab) => {
          const headers = { 'sec-fetch-site': 'same-origin', 'x-csrf': '1' };
          return (await tab.go(url, { method, headers })).statusCode;
        }),
      );
    for (const tab of tabs) await tab.go('/bff/login');
    for (const tab of tabs) assert.equal(await tab.logIn('/basket'), '/basket');
    assert.deepEqual(
      [...jar.keys()].filter((name) => name.includes('sid')),
      PORTS.map((port) => `__Host-fl-sid-${port}`),
    );
    assert.deepEqual(await ask('GET', '/bff/user'), [200, 200]);
    await tabs[0]?.go('/bff/logout', {
      method: 'POST',
      headers: { 'sec-fetch-site': 'none', 'x-csrf': '1' },
    });
    assert.deepEqual(await ask('GET', '/orders'), [401, 200]);
  } finally {
    for (const rig of rigs) await rig.close();
  }
});

it('a database that is away signs nobody out', async () => {
  const { db, close } = await createTestDatabase([bffMigrations]);
  let isAway = false;
  const query: typeof db.query = (sql, values) =>
    isAway
      ? Promise.reject(new PlatformError('POSTGRES_UNAVAILABLE', 'away', { retryable: true }))
      : db.query(sql, values);
  const rig = await startRig({ db: { ...db, query } });
  try {
    const browser = rig.openBrowser();
    await browser.logIn();
    isAway = true;
    rig.clock.offsetMs += 1_100;
    for (const url of ['/bff/user', '/orders'])
      assert.equal(await browser.code(url), '503 temporarily-unavailable');
    assert.equal(browser.jar.size, 1);
    isAway = false;
    assert.equal(await browser.code('/bff/user'), '200');
  } finally {
    await rig.close();
    await close();
  }
});

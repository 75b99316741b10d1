import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createAuthenticator, optionsOf } from './testing/authenticator.ts';
import { type Browser, createBrowser, fetchAt, type Page } from './testing/oidc-browser.ts';
import { createProcesses, type Processes } from './testing/processes.ts';

const ORIGIN = 'http://localhost:8080';
const PASSWORD = 'a fine password';

/** The real process, killed while somebody adds a passkey, signs in with it, or removes it. */
describe('the identity process that is killed, and passkeys', () => {
  let processes: Processes;
  before(async () => {
    processes = await createProcesses();
  });
  after(() => processes.close());
  afterEach(() => processes.stop());

  const count = async (table: string) => (await processes.database.db.query(`SELECT 1 FROM ${table}`)).length;
  const start = async (point = '') => {
    const env = { ISSUER: `${ORIGIN}/identity` };
    const { child, url } = await processes.start(point, { env });
    return { child, url, browser: createBrowser(ORIGIN, fetchAt(ORIGIN, url)) };
  };
  const open = async (browser: Browser, email: string) => {
    const page = await browser.visit(`${ORIGIN}/identity/passkeys`);
    return await browser.submit(page, { email, password: PASSWORD });
  };
  const formOf = (page: Page, what: string) =>
    [...page.text.matchAll(/<form[^>]*>/g)].findIndex(([tag]) => tag.includes(what));

  for (const [point, passkeys, codes] of [
    ['identity.before-passkey-added', 0, 0],
    ['identity.after-passkey-added', 1, 10],
    ['identity.before-passkey', 1, 10],
    ['identity.after-passkey', 1, 10],
    ['identity.before-passkey-removal', 1, 10],
    ['identity.after-passkey-removal', 0, 0],
  ] as const)
    it(`at ${point} has the passkey with its recovery codes, or neither`, async () => {
      await processes.database.db.query('DELETE FROM account');
      const email = `${point.replaceAll('.', '-')}@example.com`;
      const { child, url, browser } = await start(point);
      const dies = async (work: Promise<unknown>) => {
        await assert.rejects(work);
        assert.equal(await processes.ended(child), 'SIGKILL');
      };
      const signedUp = await fetch(`${url}/users`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, password: PASSWORD, name: 'Kim' }),
      });
      assert.equal(signedUp.status, 201);
      const authenticator = createAuthenticator(ORIGIN);
      const list = await open(browser, email);
      const answer = authenticator.create(optionsOf(list, 'create'));
      const adding = browser.submit(list, { answer }, formOf(list, 'data-passkey'));
      if (point.endsWith('added')) await dies(adding);
      else {
        await adding;
        const second = await open(browser, email);
        const get = authenticator.get(optionsOf(second, 'get'));
        const using = browser.submit(second, { answer: get }, formOf(second, 'data-passkey'));
        if (point.endsWith('passkey')) {
          await dies(using);
          // Who got no answer tries again: the challenge is used up with the commit, and not before.
          const { browser: again } = await start();
          const repeated = await again.submit(second, { answer: get }, formOf(second, 'data-passkey'));
          assert.equal(repeated.status, point.includes('before') ? 200 : 401);
          const fresh = await open(again, email);
          const next = authenticator.get(optionsOf(fresh, 'get'));
          const opened = await again.submit(fresh, { answer: next }, formOf(fresh, 'data-passkey'));
          assert.match(opened.text, /<h1>Your passkeys<\/h1>/);
        } else {
          const opened = await using;
          await dies(browser.submit(opened, {}, formOf(opened, '/passkeys/remove')));
        }
      }
      assert.deepEqual([await count('passkey'), await count('recovery_code')], [passkeys, codes]);
    });
});

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createPostgresTransport } from '@flotilla/messaging';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { emailVerificationAsked, passwordResetAsked } from '@shop/contracts';
import { codeOf, fromBase32, stepAt } from './second-factor/totp.ts';
import { createProcesses, type Processes } from './testing/processes.ts';

const FIRST = 'a fine password';
const SECOND = 'another fine password';

/** The real process, killed while somebody gets a new password or shows that an address is theirs. */
describe('the identity process that is killed', () => {
  let processes: Processes;
  before(async () => {
    processes = await createProcesses();
    // Nobody takes from it: what was told stays there.
    const transport = createPostgresTransport({
      uri: processes.bus.uri,
      logger: silentLogger,
      metrics: createMetrics(),
    });
    await transport.subscribe('test', [emailVerificationAsked.type, passwordResetAsked.type]);
    await transport.close();
  });
  after(() => processes.close());
  afterEach(() => processes.stop());

  async function post(url: string, body: object, token = '') {
    const headers = {
      'content-type': 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
    };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, string> };
  }
  const count = async (sql: string) => (await processes.database.db.query(sql)).length;
  /** What has not left yet, or has; the relay runs meanwhile, so a message may be seen in both places. */
  const told = async (type: string) => {
    const waiting = await processes.database.db.query('SELECT envelope AS body FROM outbox');
    const sent = await processes.bus.db.query('SELECT body FROM bus.delivery');
    const bodies = [...waiting, ...sent].map(({ body }) => String(body));
    const byId = new Map(bodies.map((body) => [String(JSON.parse(body).id), body]));
    return [...byId.values()].filter((body) => body.includes(`identity.${type}.v1`));
  };

  /** An account, signed in to, in a process that dies at `point`. */
  async function begin(point: string) {
    const { child, url } = await processes.start(point);
    const email = `${point.replaceAll(/[.:]/g, '-')}@example.com`;
    await processes.database.db.query('DELETE FROM account');
    assert.equal((await post(`${url}/users`, { email, password: FIRST, name: 'Some Body' })).status, 201);
    const { body } = await post(`${url}/auth/login`, { email, password: FIRST });
    const token = body['accessToken'] ?? '';
    const dies = async (work: Promise<unknown>) => {
      await assert.rejects(work);
      assert.equal(await processes.ended(child), 'SIGKILL');
    };
    const logIn = async (at: string, password: string) =>
      (await post(`${at}/auth/login`, { email, password })).status;
    return { url, email, token, dies, logIn };
  }
  /** A link that is known: those that are mailed are stored as hashes. */
  async function plant(email: string, purpose: string): Promise<string> {
    await processes.database.db.query(
      `INSERT INTO account_link (account_id, purpose, token_hash, account_version, expires_at)
       SELECT id, $2, sha256(convert_to($1 || $2, 'UTF8')), version, now() + interval '1 hour' FROM account WHERE email = $1
       ON CONFLICT (account_id, purpose) DO UPDATE SET token_hash = excluded.token_hash`,
      [email, purpose],
    );
    return `${email}${purpose}`;
  }
  const livingOf = (email: string) =>
    count(
      `SELECT 1 FROM auth_session s JOIN account a ON a.id::text = s.account_id WHERE a.email = '${email}' AND s.ended_at IS NULL`,
    );

  for (const [point, isDone] of [
    ['identity.before-password-change', false],
    ['identity.after-password-change', true],
  ] as const)
    it(`at ${point} has changed the password and ended the other sessions, or neither`, async () => {
      const { url, email, token, dies, logIn } = await begin(point);
      assert.equal(await logIn(url, FIRST), 200);
      await dies(post(`${url}/me/password`, { currentPassword: FIRST, newPassword: SECOND }, token));
      assert.equal(await livingOf(email), isDone ? 1 : 2);
      const restarted = await processes.start();
      assert.equal(await logIn(restarted.url, SECOND), isDone ? 200 : 401);
    });

  for (const [point, isDone] of [
    ['identity.before-password-reset', false],
    ['identity.after-password-reset', true],
  ] as const)
    it(`at ${point} has used the link, changed the password and ended the sessions, or nothing`, async () => {
      const { url, email, dies, logIn } = await begin(point);
      const token = await plant(email, 'reset-password');
      await dies(post(`${url}/auth/reset-password`, { token, password: SECOND }));
      assert.equal(await livingOf(email), isDone ? 0 : 1);
      const restarted = await processes.start();
      // Who got no answer tries again: the link is good, or was used for what was asked.
      const again = await post(`${restarted.url}/auth/reset-password`, { token, password: SECOND });
      assert.equal(again.status, isDone ? 422 : 204);
      assert.equal(await logIn(restarted.url, SECOND), 200);
    });

  for (const [point, isDone] of [
    ['identity.before-email-verification', false],
    ['identity.after-email-verification', true],
  ] as const)
    it(`at ${point} has used the link and confirmed the address, or neither`, async () => {
      const { url, email, dies } = await begin(point);
      const token = await plant(email, 'verify-email');
      await dies(post(`${url}/auth/verify-email`, { token }));
      const verified = () =>
        count(`SELECT 1 FROM account WHERE email = '${email}' AND email_verified_at IS NOT NULL`);
      assert.equal(await verified(), isDone ? 1 : 0);
      const restarted = await processes.start();
      assert.equal((await post(`${restarted.url}/auth/verify-email`, { token })).status, isDone ? 422 : 204);
      assert.equal(await verified(), 1);
    });

  for (const [point, mails] of [
    ['identity.before-verification-link', 1],
    ['identity.after-verification-link', 2],
  ] as const)
    it(`at ${point} has a link with its message, or neither`, async () => {
      const { url, email, token, dies } = await begin(point);
      await dies(post(`${url}/me/email-verification`, {}, token));
      const about = (await told('email-verification-asked')).filter((body) => body.includes(email));
      assert.equal(about.length, mails);
    });

  for (const point of [
    'identity.before-reset-request',
    'identity.after-reset-request',
    'identity.before-reset-links',
    'identity.after-reset-links',
  ])
    it(`at ${point} sends one link to who asked, once it runs again`, async () => {
      // The upkeep passes its points from the start on: an account is made before.
      const first = await begin(`${point}-later`);
      await processes.stop();
      const dying = point.endsWith('links') ? undefined : await processes.start(point);
      const asked = { email: first.email };
      if (dying) {
        await assert.rejects(post(`${dying.url}/auth/forgot-password`, asked));
        assert.equal(await processes.ended(dying.child), 'SIGKILL');
        if (point.includes('before')) {
          const again = await processes.start();
          assert.equal((await post(`${again.url}/auth/forgot-password`, asked)).status, 202);
        }
      } else {
        await processes.database.db.query(
          'INSERT INTO reset_request (id, email_key) VALUES (gen_random_uuid(), $1)',
          [first.email],
        );
        const dead = await processes.start(point, { mayDie: true });
        assert.equal(await processes.ended(dead.child), 'SIGKILL');
      }
      await processes.start();
      await eventually('nobody waits', async () => (await count('SELECT 1 FROM reset_request')) === 0);
      const about = (await told('password-reset-asked')).filter((body) => body.includes(first.email));
      assert.equal(about.length, 1);
    });

  for (const [point, isDone] of [
    ['identity.before-second-factor', false],
    ['identity.after-second-factor', true],
    ['identity.before-second-factor-removal', true],
    ['identity.after-second-factor-removal', false],
    ['identity.before-code:2', true],
    ['identity.after-code:2', true],
  ] as const)
    it(`at ${point} has the second factor on, or not`, async () => {
      const { url, email, token, dies } = await begin(point);
      const begun = await post(`${url}/me/second-factor`, { password: FIRST }, token);
      const codeAt = (off: number) =>
        codeOf(fromBase32(begun.body['secret'] ?? ''), stepAt(Date.now()) + off);
      const confirm = post(`${url}/me/second-factor/confirm`, { code: codeAt(-1) }, token);
      const isOn = () =>
        count(
          `SELECT 1 FROM second_factor f JOIN account a ON a.id = f.account_id WHERE a.email = '${email}' AND confirmed_at IS NOT NULL`,
        );
      if (point.endsWith('second-factor')) await dies(confirm);
      else {
        assert.equal((await confirm).status, 200);
        const remove = (code: string) =>
          post(`${url}/me/second-factor/remove`, { password: FIRST, code }, token);
        const logIn = (code: string) => post(`${url}/auth/login`, { email, password: FIRST, code });
        if (point.endsWith('removal')) await dies(remove(codeAt(0)));
        else {
          assert.equal((await logIn(codeAt(0))).status, 200);
          await dies(logIn(codeAt(1)));
          // The code is used up with the commit, and not before.
          const restarted = await processes.start();
          const again = await post(`${restarted.url}/auth/login`, {
            email,
            password: FIRST,
            code: codeAt(1),
          });
          if (point.includes('after')) assert.equal(again.status, 401);
        }
      }
      assert.equal(await isOn(), isDone ? 1 : 0);
    });
});

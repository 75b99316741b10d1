import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { hasApache, startApache } from '../testing/apache.ts';
import { freePort, openFrontAddress } from '../testing/front-address.ts';
import { findGoClients } from '../testing/go-clients.ts';
import { createBrowser, fetchAt, signIn } from '../testing/oidc-browser.ts';
import { CALLBACK, type Oidc, startOidc } from '../testing/oidc-rig.ts';

const PYTHON = '/usr/bin/python3';
const CLIENT = join(import.meta.dirname, '../testing/authlib-client.py');
const EMAIL = 'alice@example.com';
const GO_CLIENTS = findGoClients();

function hasAuthlib(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import authlib, requests'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** As a browser that goes to a page; `fetch` says that it is none, and would be led to no login. */
async function navigate(url: string, cookie: string) {
  const headers = { cookie, accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  const req = request(url, { agent: false, headers });
  req.end();
  const [answer] = (await once(req, 'response')) as [IncomingMessage];
  const { location = '', 'set-cookie': setCookies = [] } = answer.headers;
  return { status: answer.statusCode, location, setCookies, text: await text(answer) };
}

/** Clients that others wrote, which ask the issuer by themselves. */
describe('clients of other languages', () => {
  let front: Awaited<ReturnType<typeof openFrontAddress>>;
  let oidc: Oidc;
  let apachePort = 0;
  before(async () => {
    front = await openFrontAddress();
    apachePort = await freePort();
    const apache = `http://127.0.0.1:${apachePort}`;
    oidc = await startOidc({
      issuer: `${front.origin}/identity`,
      clients: [
        {
          ...{ id: 'apache', name: 'A page of Apache', kind: 'web', scopes: ['openid', 'email'] },
          redirectUris: [`${apache}/callback`],
          ownRedirectUris: [`${apache}/callback`],
          backchannelLogoutUri: `${apache}/callback?logout=backchannel`,
          withoutIssuerInErrors: true,
        },
      ],
    });
    front.leadTo(oidc.url);
  });
  after(async () => {
    await oidc?.close();
    await front?.close();
  });

  const browse = () => createBrowser(front.origin, fetchAt(front.origin, front.origin));

  /** Prints where to sign in, reads where the browser ended, and prints what it was given. */
  async function converse(program: string, args: readonly string[]): Promise<unknown> {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let problems = '';
    child.stderr.on('data', (text) => {
      problems += text;
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const { value: url } = await lines.next();
    assert.ok(url, problems);
    const end = await signIn(browse(), String(url), EMAIL, 'alice-password');
    child.stdin.end(`${end.href}\n`);
    const { value: outcome } = await lines.next();
    assert.ok(outcome, problems);
    if (child.exitCode === null) await once(child, 'exit');
    return JSON.parse(String(outcome));
  }

  const asWebApp = () => [`${front.origin}/identity`, 'web-app', 'web-app-secret', CALLBACK];

  it('Authlib signs in with PKCE, reads userinfo and refreshes', {
    skip: !hasAuthlib() && 'there is no Authlib',
  }, async () => {
    const expected = { email: EMAIL, hasIdToken: true, isRotated: true, again: EMAIL };
    assert.deepEqual(await converse(PYTHON, [CLIENT, ...asWebApp()]), expected);
  });

  if (GO_CLIENTS !== undefined)
    for (const client of ['go-oidc', 'zitadel'])
      it(`${client} of Go signs in, reads userinfo, refreshes, and is refused a code that it has used`, async () => {
        const subject = await oidc.identity.db.query<{ id: string }>(
          'SELECT id FROM account WHERE email_key = $1',
          [EMAIL],
        );
        assert.deepEqual(await converse(GO_CLIENTS, [client, ...asWebApp()]), {
          ...{ subject: subject[0]?.id, idTokenEmail: EMAIL, userinfoEmail: EMAIL },
          ...{ isRotated: true, again: EMAIL, spentCode: 'invalid_grant' },
        });
      });

  it('mod_auth_openidc signs in, and is signed out when the session ends elsewhere', {
    skip: !hasApache && 'there is no Apache',
  }, async () => {
    const issuer = `${front.origin}/identity`;
    const apache = await startApache({
      ...{ port: apachePort, issuer, clientId: 'apache', secret: 'apache-secret', email: EMAIL },
    });
    try {
      const cookies = new Map<string, string>();
      const get = async (url: string) => {
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
        const answer = await navigate(url, cookie);
        for (const line of answer.setCookies) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          cookies.set(name, value);
        }
        return answer;
      };
      const page = `${apache.origin}/index.html`;
      const asked = await get(page);
      assert.equal(asked.status, 302, await apache.log());
      const back = await signIn(browse(), asked.location, EMAIL, 'alice-password');
      const returned = await get(back.href);
      assert.equal(returned.location, page, `${returned.status} ${await apache.log()}`);
      assert.deepEqual([(await get(page)).status, (await get(page)).text], [200, 'inside']);

      const { db, app } = oidc.identity;
      const [session] = await db.query<{ id: string }>(
        "SELECT id FROM auth_session WHERE 'apache' = ANY (client_ids) AND ended_at IS NULL",
      );
      await db.transaction((tx) => app.sessions.end(tx, session?.id ?? '', 'signed-out'));
      await app.notices.deliver();
      assert.equal((await get(page)).status, 302, await apache.log());
    } finally {
      await apache.close();
    }
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { openAuditFile } from '../audit-file.ts';
import { type ConsoleDeps, ROLES, type Role } from '../deps.ts';
import { type ConsoleServer, createConsoleServer } from './console-server.ts';
import { createTickets } from './tickets.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What a driver says of itself is for nobody. */
const away = async () => {
  throw Object.assign(new Error('http://admin:hunter2@127.0.0.1 refused'), { code: 'ECONNREFUSED' });
};

describe('the server of the console', () => {
  const folder = mkdtempSync(join(tmpdir(), 'console-'));
  const tickets = createTickets('a secret of the test, which is long enough');
  const changed: string[] = [];
  let nowMs = Date.now();
  let server: ConsoleServer;
  let url: URL;

  const deps: ConsoleDeps = {
    system: { name: 'shop', nodes: [{ name: 'order', database: true, bus: true }], calls: [] },
    records: { orders: { title: 'Orders', list: { database: 'order', sql: '' }, parts: [] } },
    processes: async () => [
      {
        ...{ service: 'order', instance: 'order-1', pid: 1, state: 'Running', ready: true, restarts: 0 },
        ...{ uptimeSeconds: 1, rssBytes: 1, url: null },
      },
    ],
    change: async (service, action) => changed.push(`${action} ${service}`),
    recentLines: async () => [],
    queues: async () => {
      throw Object.assign(new Error('postgres://admin:hunter2@127.0.0.1/bus refused'), {
        code: 'ECONNREFUSED',
      });
    },
    withSagas: ['order'],
    withOutboxes: ['order'],
    withDeadLetters: ['order'],
    withEvents: ['order'],
    scrape: async () => ({ samples: [], missing: [{ service: 'order-1', why: 'it does not answer' }] }),
    faults: { list: away, add: away, clear: away },
    registry: away,
    slos: async () => [],
    gateways: away,
    inDatabase: async () => {
      throw Object.assign(new Error('postgres://admin:hunter2@127.0.0.1/order refused'), {
        code: 'ECONNREFUSED',
      });
    },
    sagaDesk: () => assert.fail('there is no database'),
    deadLetters: () => assert.fail('there is no database'),
    outbox: () => assert.fail('there is no database'),
    telemetry: () => undefined,
    operator: 'alice',
    audit: openAuditFile(join(folder, 'audit.jsonl')),
    now: () => nowMs,
  };

  before(async () => {
    mkdirSync(join(folder, 'pages/assets'), { recursive: true });
    writeFileSync(join(folder, 'pages/index.html'), '<!doctype html><title>pages</title>');
    writeFileSync(join(folder, 'pages/assets/index-1.js'), '1');
    writeFileSync(join(folder, 'secret'), 'hunter2');
    server = createConsoleServer({ deps, tickets, pages: join(folder, 'pages'), onError: () => undefined });
    url = new URL(await server.listen(0));
  });
  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: unknown,
  ): Promise<Answer> {
    const sent = request({
      host: '127.0.0.1',
      port: url.port,
      method,
      path,
      headers: { host: url.host, ...headers },
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return await new Promise((resolve, reject) => {
      sent.on('error', reject);
      sent.on('response', async (response) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: await text(response) });
      });
    });
  }

  const json = () => ({ 'content-type': 'application/json', origin: url.origin });

  async function signIn(role: Role = 'operator'): Promise<string> {
    const answer = await send('POST', '/api/login', json(), { token: tickets.issueLogin(role, nowMs) });
    const [cookie = ''] = answer.headers['set-cookie'] ?? [];
    assert.match(cookie, /^__Host-flotilla-console-\d+=.+; Path=\/; Secure; HttpOnly; SameSite=Strict/);
    return cookie.split(';')[0] ?? '';
  }

  it('answers to its own address alone, also when somebody only reads', async () => {
    for (const host of ['evil.example', `evil.example:${url.port}`, '127.0.0.1:1'])
      for (const path of ['/', '/api/overview', '/health/live'])
        assert.equal((await send('GET', path, { host })).status, 403, `${host} ${path}`);
    assert.equal((await send('GET', '/', { host: `localhost:${url.port}` })).status, 200);
  });

  it('lets in with a link that works once, and not for ever', async () => {
    assert.equal((await send('GET', '/api/session')).status, 401);
    const token = tickets.issueLogin('operator', nowMs);
    assert.equal((await send('POST', '/api/login', json(), { token })).status, 200);
    assert.equal((await send('POST', '/api/login', json(), { token })).status, 401);
    assert.equal((await send('POST', '/api/login', json(), { token: `${token}x` })).status, 401);
    const [expires = '', ...rest] = tickets.issueLogin('operator', nowMs).split('.');
    const later = [String(Number(expires) + 1), ...rest].join('.');
    assert.equal((await send('POST', '/api/login', json(), { token: later })).status, 401);
    const cookie = await signIn();
    assert.equal((await send('GET', '/api/session', { cookie })).status, 200);
    assert.equal((await send('GET', '/api/session', { cookie: `${cookie}x` })).status, 401);
    nowMs += 13 * 3_600_000;
    assert.equal((await send('GET', '/api/session', { cookie })).status, 401);
  });

  it('does not take a link for a session', async () => {
    const cookie = (await signIn()).split('=')[0];
    const forged = `${cookie}=${tickets.issueLogin('operator', nowMs)}`;
    assert.equal((await send('GET', '/api/session', { cookie: forged })).status, 401);
  });

  it('changes nothing for a page of another site, or for a form', async () => {
    const cookie = await signIn();
    const path = '/api/services/order/restart';
    const body = { reason: 'a test' };
    for (const headers of [
      { ...json(), cookie, origin: 'http://evil.example' },
      { ...json(), cookie, origin: 'null' },
      { 'content-type': 'application/json', cookie },
    ])
      assert.equal((await send('POST', path, headers, body)).status, 403);
    assert.equal(
      (await send('POST', path, { ...json(), cookie, 'content-type': 'text/plain' }, body)).status,
      400,
    );
    assert.equal((await send('POST', path, json(), body)).status, 401);
    assert.equal((await send('DELETE', path, { cookie })).status, 400);
    assert.deepEqual(changed, []);
  });

  it('lets a viewer look at everything and change nothing, whatever is asked for', async () => {
    const headers = { ...json(), cookie: await signIn('viewer') };
    const before = (await send('GET', '/api/audit', headers)).body;
    for (const path of [
      'services/order/restart',
      'sagas/order/1',
      'sagas',
      'letters/order',
      'projections/order/x',
      'gateways/g',
      'faults',
      'identity',
      'nothing',
    ]) {
      const { status, body } = await send('POST', `/api/${path}`, headers, { reason: 'a test' });
      assert.deepEqual([status, JSON.parse(body).code], [403, 'CONSOLE_FORBIDDEN'], path);
    }
    assert.deepEqual(changed, []);
    assert.equal((await send('GET', '/api/audit', headers)).body, before);
    assert.equal((await send('POST', '/api/logout', headers, {})).status, 200);
  });

  it('shows to a viewer that nothing is open, in lists and on pages', async () => {
    for (const role of ROLES) {
      const headers = { cookie: await signIn(role) };
      const session = JSON.parse((await send('GET', '/api/session', headers)).body) as { role: string };
      assert.equal(session.role, role);
      for (const path of ['services', 'services/order']) {
        const { processes } = JSON.parse((await send('GET', `/api/${path}`, headers)).body) as {
          processes: readonly { open: readonly { action: string }[] }[];
        };
        const open = processes[0]?.open.map(({ action }) => action);
        assert.deepEqual(open, role === 'viewer' ? [] : ['restart', 'stop'], path);
      }
    }
  });

  it('does not take what a viewer was given for more', async () => {
    const asOperator = (ticket: string) => ticket.replace('.viewer.', '.operator.');
    const token = asOperator(tickets.issueLogin('viewer', nowMs));
    assert.equal((await send('POST', '/api/login', json(), { token })).status, 401);
    const cookie = asOperator(await signIn('viewer'));
    assert.equal((await send('GET', '/api/session', { cookie })).status, 401);
  });

  it('records who changed what, and why; without a reason nothing is done', async () => {
    const headers = { ...json(), cookie: await signIn() };
    assert.equal((await send('POST', '/api/services/order/restart', headers, { reason: ' ' })).status, 400);
    assert.equal(
      (await send('POST', '/api/services/nobody/restart', headers, { reason: 'a test' })).status,
      404,
    );
    assert.equal(
      (await send('POST', '/api/services/order/destroy', headers, { reason: 'a test' })).status,
      400,
    );
    assert.deepEqual(changed, []);
    assert.equal(
      (await send('POST', '/api/services/order/restart', headers, { reason: 'a test' })).status,
      200,
    );
    assert.deepEqual(changed, ['restart order']);
    const { rows } = JSON.parse((await send('GET', '/api/audit', headers)).body) as {
      rows: readonly { by: string; reason: string }[];
    };
    assert.deepEqual([rows[0]?.by, rows[0]?.reason, rows.length], ['alice', 'a test', 1]);
  });

  it('shows what there is when a database or the store is away, and no address or password', async () => {
    const headers = { cookie: await signIn() };
    const overview = await send('GET', '/api/overview', headers);
    assert.equal(overview.status, 200);
    const shown = JSON.parse(overview.body) as {
      processes: { ok: boolean };
      sagas: { value: { missing: readonly { service: string; why: string }[] } };
    };
    assert.equal(shown.processes.ok, true);
    assert.deepEqual(shown.sagas.value.missing, [
      { service: 'order', why: 'it could not be read (ECONNREFUSED)' },
    ]);
    assert.equal((await send('GET', '/api/traces', headers)).status, 503);
    for (const path of [
      '/api/overview',
      '/api/messages',
      '/api/sagas',
      '/api/records/orders',
      '/api/letters/order',
    ])
      assert.doesNotMatch((await send('GET', path, headers)).body, /hunter2|postgres:/, path);
    assert.equal((await send('GET', '/api/nothing', headers)).status, 404);
  });

  it('gives the same document for every page, files by their names alone, and lets nobody frame them', async () => {
    for (const path of ['/', '/orders/1', '/assets/../secret', '/assets/%2e%2e%2fsecret', '/../secret']) {
      const { body, headers } = await send('GET', path);
      assert.match(body, /pages/, path);
      assert.match(String(headers['content-security-policy']), /script-src 'self'.*frame-ancestors 'none'/);
      assert.doesNotMatch(String(headers['content-security-policy']), /unsafe/);
    }
    const { headers } = await send('GET', '/assets/index-1.js');
    assert.match(String(headers['cache-control']), /immutable/);
  });
});

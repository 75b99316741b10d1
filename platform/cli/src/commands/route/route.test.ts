import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, it, type TestContext } from 'node:test';
import { runCommandLine } from '../../command-line.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Asked {
  readonly line: string;
  readonly body: string;
  readonly authorization: string | undefined;
  readonly operator: string | string[] | undefined;
}

/** An admin API that answers everything the same. */
async function startAdmin(answer: object, status = 200) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const { authorization, 'x-operator': operator } = request.headers;
    asked.push({
      line: `${request.method} ${request.url}`,
      body: await text(request),
      authorization,
      operator,
    });
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  const { port } = server.address() as { readonly port: number }; // a TCP server that listens always has one
  return { asked, url: `http://127.0.0.1:${port}` };
}

async function run(
  t: TestContext,
  line: readonly string[],
  env: Record<string, string> = { FLOTILLA_GATEWAY_TOKEN: 'the-token' },
) {
  const printed: string[] = [];
  const log = t.mock.method(console, 'log', (one: string) => printed.push(one));
  const error = t.mock.method(console, 'error', (one: string) => printed.push(one));
  const exitCode = await runCommandLine(['route', ...line], { cwd: tmpdir(), env });
  log.mock.restore();
  error.mock.restore();
  return { exitCode, output: printed.join('\n') };
}

const INSTANCE = {
  id: 'a',
  address: 'http://127.0.0.1:4001',
  state: 'ejected',
  inFlight: 2,
  latencyMs: 3.5,
  consecutiveFailures: 5,
};
const ORDERS = { id: 'orders', upstream: '/orders/{id}', methods: ['GET'], downstream: 'order' };

describe('flotilla route', () => {
  it('lists the routes with their state', async (t) => {
    const plain = {
      id: 'GET /x',
      upstream: '/x',
      methods: [],
      downstream: ['h:1', 'h:2'],
      instances: 2,
      usable: 1,
    };
    const strangler = { mode: 'split', percent: 5 };
    const { url, asked } = await startAdmin([
      { ...ORDERS, instances: 3, usable: 3, breaker: 'open', strangler },
      {
        ...plain,
        versions: [
          { tag: 'v1', weight: 9 },
          { tag: 'v2', weight: 1 },
        ],
      },
    ]);
    const { exitCode, output } = await run(t, ['list', '--admin', url, '--by', 'ann']);
    assert.equal(exitCode, 0);
    assert.deepEqual(
      output.split('\n').map((line) => line.split(/ {2,}/)),
      [
        ['ROUTE', 'UPSTREAM', 'DOWNSTREAM', 'USABLE', 'BREAKER', 'SHARES'],
        ['orders', 'GET /orders/{id}', 'order', '3/3', 'open', 'split 5 %'],
        ['GET /x', 'ANY /x', 'h:1 h:2', '1/2', '-', 'v1=9 v2=1'],
      ],
    );
    assert.deepEqual(asked, [
      { line: 'GET /routes', body: '', authorization: 'Bearer the-token', operator: 'ann' },
    ]);
  });

  it('shows one route with instances and what the shadow found', async (t) => {
    const differences = [{ where: 'body.total', legacy: '10', new: '12' }];
    const samples = [{ at: '2026-01-01T00:00:00.000Z', method: 'GET', path: '/orders/7', differences }];
    const shadow = { copied: 9, equal: 8, different: 1, failed: 0, samples };
    const strangler = { mode: 'shadow', percent: 10, legacy: 90, new: 0, fallbacks: 0, shadow };
    const { url, asked } = await startAdmin({ ...ORDERS, instances: [INSTANCE], usable: 0, strangler });
    const { output } = await run(t, ['show', 'GET /orders', '--admin', url]);
    assert.match(output, /shadow +9 copied, 8 equal, 1 different$/m);
    assert.match(output, /^a +http:\/\/127\.0\.0\.1:4001 +ejected +2 +3\.5 ms +5$/m);
    assert.match(output, /GET \/orders\/7\n {2}body\.total: 10 → 12/);
    assert.equal(asked[0]?.line, 'GET /routes/GET%20%2Forders');
  });

  it('switches, shares, takes out, purges, reloads', async (t) => {
    const answer = {
      route: 'orders',
      mode: 'split',
      percent: 5,
      versions: [{ tag: 'v1', weight: 90 }],
      address: 'http://a',
      to: 'held-out',
      purged: 3,
      changes: ['one'],
    };
    const { url, asked } = await startAdmin(answer);
    const outputs: string[] = [];
    for (const line of [
      ['set', 'orders', '--mode', 'Split', '--percent', '5'],
      ['weights', 'orders', 'v1=90', 'v=2=10'],
      ['eject', 'http://a'],
      ['restore', 'a'],
      ['purge', '--tag', 'product:1'],
      ['purge', '--all'],
      ['reload'],
    ])
      outputs.push((await run(t, [...line, '--admin', url])).output);
    assert.deepEqual(
      asked.map(({ line, body }) => `${line} ${body}`.trim()),
      [
        'POST /routes/orders/strangler {"mode":"split","percent":5}',
        'POST /routes/orders/weights {"v1":90,"v=2":10}',
        'POST /instances/http%3A%2F%2Fa/eject',
        'POST /instances/a/restore',
        'POST /cache/purge {"tag":"product:1"}',
        'POST /cache/purge {"all":true}',
        'POST /reload',
      ],
    );
    assert.deepEqual(outputs, [
      'orders is now split, 5 %',
      'orders is now shared v1=90',
      'http://a is now held-out',
      'http://a is now held-out',
      '3 cached answers are dropped',
      '3 cached answers are dropped',
      'the configuration is taken over\n  one',
    ]);
  });

  it('prints JSON for programs, and takes address and token from where they are', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'route-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'token'), 'from-file\n');
    const { url, asked } = await startAdmin([]);
    const file = join(folder, 'token');
    const { output } = await run(t, ['list', '--json', '--token-file', file], {
      FLOTILLA_GATEWAY_ADMIN: url,
    });
    assert.equal(output, '[]');
    assert.equal(asked[0]?.authorization, 'Bearer from-file');
  });

  it('says what the gateway refused', async (t) => {
    const answer = async (status: number, body: object) =>
      run(t, ['reload', '--admin', (await startAdmin(body, status)).url]);
    const refused = await answer(422, {
      detail: 'nothing was changed',
      problems: ['Routes[0]: a', 'Routes[1]: b'],
    });
    assert.equal(refused.exitCode, 2);
    assert.equal(
      refused.output,
      'flotilla: the gateway refused: nothing was changed\n  Routes[0]: a\n  Routes[1]: b',
    );
    assert.match((await answer(401, {})).output, /refuses the token/);
    assert.equal((await answer(404, {})).exitCode, 1);
  });

  it('refuses what it does not understand, before it connects', async (t) => {
    const { url, asked } = await startAdmin({});
    for (const line of [
      ['dance'],
      ['constructor'],
      ['show'],
      ['set', 'orders'],
      ['set', 'orders', '--percent', 'many'],
      ['weights', 'orders'],
      ['weights', 'orders', 'v1'],
      ['weights', 'orders', 'v1=-1'],
      ['purge'],
      ['purge', '--tag', 'a', '--all'],
    ])
      assert.equal((await run(t, [...line, '--admin', url])).exitCode, 2, line.join(' '));
    assert.deepEqual(asked, []);
    assert.match((await run(t, ['list', '--admin', url], {})).output, /FLOTILLA_GATEWAY_TOKEN/);
    assert.match((await run(t, ['list', '--admin', 'http://10.0.0.1:9901'])).output, /in clear/);
    assert.equal((await run(t, ['list', '--admin', 'nonsense'])).exitCode, 2);
  });

  it('says that no gateway is there', async (t) => {
    const { url } = await startAdmin({});
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    const { exitCode, output } = await run(t, ['list', '--admin', url]);
    assert.deepEqual([exitCode, output], [7, `flotilla: no gateway answers at ${url}`]);
  });
});

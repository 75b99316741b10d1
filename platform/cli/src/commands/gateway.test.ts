import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { runCommandLine } from '../command-line.ts';

const ROUTE = {
  UpstreamPathTemplate: '/orders/{id}',
  DownstreamPathTemplate: '/{id}',
  DownstreamHostAndPorts: [{ Host: 'back', Port: 81 }],
};

describe('the gateway commands', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla-cli-'));
  });
  afterEach(async () => {
    mock.restoreAll();
    await rm(folder, { recursive: true });
  });

  /** Exit code, and what was printed on both streams. */
  async function run(
    ...argv: readonly string[]
  ): Promise<{ readonly code: number; readonly output: string }> {
    const lines: string[] = [];
    mock.method(console, 'log', (line: string) => lines.push(line));
    mock.method(console, 'error', (line: string) => lines.push(line));
    const code = await runCommandLine(argv, { cwd: folder, env: {} });
    mock.restoreAll();
    return { code, output: lines.join('\n') };
  }

  async function configFile(content: unknown, name = 'gateway.json'): Promise<void> {
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }

  it('check says that a file is valid, with its warnings', async () => {
    await configFile({ Routes: [{ ...ROUTE, Priorty: 1 }] });
    const { code, output } = await run('gateway', 'check', 'gateway.json');
    assert.equal(code, 0);
    assert.match(output, /^warning: Routes\[0\]\.Priorty: unknown key, did you mean Priority\?$/m);
    assert.match(output, /^gateway\.json is valid: 1 routes, 0 aggregates$/m);
  });

  it('check lists everything that is wrong and exits with 1', async () => {
    await configFile({ Routes: [{ ...ROUTE, Timeout: 'x' }, { UpstreamPathTemplate: 'a' }] });
    const { code, output } = await run('gateway', 'check', 'gateway.json');
    assert.equal(code, 1);
    assert.match(output, /^ {2}Routes\[0\]\.Timeout: must be a whole number, not "x"$/m);
    assert.match(output, /^ {2}Routes\[1\]\.UpstreamPathTemplate: .* doesnt start with forward slash$/m);
    const json = await run('gateway', 'check', 'gateway.json', '--json');
    assert.equal((JSON.parse(json.output) as { valid: boolean }).valid, false);
  });

  it('key makes a key that only its owner has', async () => {
    const { code, output } = await run('gateway', 'key', 'alice', '--json');
    assert.equal(code, 0);
    const { key, entry } = JSON.parse(output) as { key: string; entry: { Id: string; KeyHash: string } };
    assert.deepEqual(entry, { Id: 'alice', KeyHash: hash('sha256', key) });
    assert.notEqual((await run('gateway', 'key', 'alice', '--json')).output, output);
  });

  it('refuses options of TLS that mean nothing by themselves', async () => {
    const start = ['gateway', '--config', 'gateway.json', '--port', '0'];
    for (const [more, problem] of [
      [['--tls-cert', 'a', '--tls-cert', 'b', '--tls-key', 'a'], /belong together/],
      [['--tls-client-ca', 'a'], /is for a port with TLS/],
      [['--tls-cert', 'a', '--tls-key', 'a', '--tls-require-client'], /needs --tls-client-ca/],
    ] as const) {
      const { code, output } = await run(...start, ...more);
      assert.equal(code, 2);
      assert.match(output, problem);
    }
  });

  it('check says when there is no file', async () => {
    const { code, output } = await run('gateway', 'check', 'missing.json');
    assert.equal(code, 1);
    assert.match(output, /missing\.json cannot be read: ENOENT/);
  });

  it('check merges a folder', async () => {
    await configFile({ Routes: [ROUTE] }, 'ocelot.a.json');
    await configFile({ Routes: [{ ...ROUTE, UpstreamPathTemplate: '/b' }] }, 'ocelot.b.json');
    assert.match((await run('gateway', 'check', '.')).output, /is valid: 2 routes/);
  });

  it('check takes what code registers for given only when told that there is such code', async () => {
    const { DownstreamHostAndPorts: _, ...route } = ROUTE;
    await configFile({ Routes: [{ ...route, ServiceName: 'order', DelegatingHandlers: ['H'] }] });
    const { code, output } = await run('gateway', 'check', 'gateway.json');
    assert.equal(code, 1);
    assert.match(output, /^\d of these code can put right: with --embedded they are taken for given$/m);
    assert.equal((await run('gateway', 'check', 'gateway.json', '--embedded')).code, 0);
    await configFile({ Routes: [{ ...ROUTE, Timeout: 'x' }] });
    assert.doesNotMatch((await run('gateway', 'check', 'gateway.json')).output, /--embedded/);
  });

  it('schema prints the JSON schema', async () => {
    const { code, output } = await run('gateway', 'schema');
    assert.equal(code, 0);
    assert.ok('$defs' in (JSON.parse(output) as object));
  });

  it('explain shows the route and the upstream request, with headers taken into account', async () => {
    await configFile({
      Routes: [
        { ...ROUTE, UpstreamHeaderTemplates: { region: 'eu' }, DownstreamPathTemplate: '/eu/{id}' },
        ROUTE,
      ],
    });
    const plain = await run('explain', 'get', '/orders/7?x=1');
    assert.equal(plain.code, 0);
    assert.match(plain.output, /route Routes\[1\]/);
    assert.match(plain.output, /→ GET http:\/\/back:81\/7\?x=1/);
    const eu = await run(
      'explain',
      'GET',
      '/orders/7',
      '--header',
      'Region: eu',
      '--header',
      'A: b',
      '--json',
    );
    assert.equal((JSON.parse(eu.output) as { winner: { place: string } }).winner.place, 'Routes[0]');
  });

  it('explain exits with 1 when no route is found', async () => {
    await configFile({ Routes: [ROUTE] }, 'other.json');
    const { code, output } = await run('explain', 'GET', '/nothing', '--config', 'other.json');
    assert.equal(code, 1);
    assert.match(output, /404 not-found/);
  });

  it('a command line that cannot be understood is answered with what is wanted', async () => {
    for (const [argv, expected] of [
      [['gateway', 'chek', 'x'], /did you mean gateway check/],
      [['explain', 'GET', '/x'], /give --config FILE/],
      [['explain', 'GET', '/x', '--header', 'nonsense', '--config', 'y'], /--header takes 'Name: value'/],
    ] as const) {
      const { code, output } = await run(...argv);
      assert.equal(code, 2);
      assert.match(output, expected);
    }
  });
});

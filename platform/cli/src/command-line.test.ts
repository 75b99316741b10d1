import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, mock } from 'node:test';
import { runCommandLine } from './command-line.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-cli-'));
  await writeFile(join(folder, 'flotilla.config.ts'), 'export default { name: "x", services: {} };');
});
after(() => rm(folder, { recursive: true }));

/** Exit code, and what was printed on each stream. */
async function run(...argv: readonly string[]) {
  const printed = { out: [] as string[], err: [] as string[] };
  mock.method(console, 'log', (line: string) => printed.out.push(line));
  mock.method(console, 'error', (line: string) => printed.err.push(line));
  try {
    const code = await runCommandLine(argv, { cwd: folder, env: {} });
    return { code, out: printed.out.join('\n'), err: printed.err.join('\n') };
  } finally {
    mock.restoreAll();
  }
}

describe('a command line that is not understood', () => {
  for (const [line, expected] of [
    ['lgos', 'there is no command lgos: did you mean logs?'],
    ['saga lst order', 'there is no command saga lst: did you mean saga list?'],
    ['gateway chek x', 'there is no command gateway chek: did you mean gateway check?'],
    ['--data-dir x ps', 'the command comes before its options: flotilla <command> --data-dir'],
    ['db', 'db needs a command: uri'],
    ['up --prot 1', 'up has no option --prot: did you mean --port?'],
    ['ps --sort name', 'ps has no option --sort: see flotilla ps --help'],
    ['up --no-port', 'up has no option --no-port: did you mean --port?'],
    ['up --port', '--port needs a value: --port <port>'],
    ['up --port --isolated', '--port needs a value: --port <port>'],
    ['up --port 70000', '--port must be a whole number from 0 to 65535, got 70000'],
    ['up --isolated=yes', '--isolated takes no value, got yes'],
    ['up --log-level loud', '--log-level must be one of debug, info, warn, error, got loud'],
    ['logs -n many', '--lines must be a whole number from 0 to 9999999, got many'],
    [
      'logs --since tomorrow',
      '--since must be an age such as 15m or a time such as 2026-11-30T10:00Z, got tomorrow',
    ],
    [
      'saga list order --status stuk',
      '--status must be one of running, compensating, stuck, completed, compensated, cancelled, got stuk: did you mean stuck?',
    ],
    ['saga migrate order x --to 0', '--to must be a whole number from 1 to 999999, got 0'],
    ['stop', 'usage: flotilla stop <service> …'],
    ['ps order', 'ps does not take order; usage: flotilla ps'],
    ['dlq show order', 'usage: flotilla dlq show <service> <id>'],
    ['completion tcsh', '<bash|zsh|fish> must be one of bash, zsh, fish, got tcsh'],
  ] as const) {
    it(line, async () => {
      assert.deepEqual(await run(...line.split(' ')), { code: 2, out: '', err: `flotilla: ${expected}` });
    });
  }

  it('--grep with half a bracket', async () => {
    const { code, err } = await run('logs', '--grep', '[');
    assert.equal(code, 2);
    assert.match(err, /^flotilla: --grep must be a regular expression: /);
  });
});

describe('an error', () => {
  it('is JSON on the error stream for programs, with its code, and the same exit code', async () => {
    for (const line of ['ps', 'saga list order', 'db uri order', 'restart order']) {
      const plain = await run(...line.split(' '));
      const json = await run(...line.split(' '), '--json');
      assert.deepEqual([plain.code, json.code, json.out], [7, 7, ''], line);
      const { code, message } = JSON.parse(json.err) as { code: string; message: string };
      assert.equal(code, 'CLI_NOT_RUNNING');
      assert.equal(plain.err, `flotilla: ${message}`);
    }
    const { err, code } = await run('ps', '--jsn', '--json');
    assert.deepEqual([code, (JSON.parse(err) as { code: string }).code], [2, 'CLI_USAGE']);
  });

  it('of a broken gateway configuration, too', async () => {
    await writeFile(join(folder, 'gateway.json'), '{"Routes": 7}');
    const { code, err } = await run('explain', 'GET', '/x', '--json');
    assert.deepEqual([code, (JSON.parse(err) as { code: string }).code], [1, 'GATEWAY_CONFIG_INVALID']);
  });
});

it('help and version are asked for in the usual ways', async () => {
  for (const argv of [[], ['--help'], ['-h'], ['help']])
    assert.match((await run(...argv)).out, /^flotilla runs[\s\S]*Usage: flotilla <command>/);
  for (const argv of [
    ['saga', 'list', '--help'],
    ['help', 'saga', 'list'],
    ['saga', 'list', 'x', '-h'],
  ])
    assert.match((await run(...argv)).out, /Usage: flotilla saga list <service>[\s\S]*Example:/);
  assert.match((await run('saga', '--help')).out, /Usage: flotilla saga <command>[\s\S]*list <service>/);
  assert.match((await run('--version')).out, /^flotilla \d+\.\d+\.\d+, Node \d+/);
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { childEnvironment, eventually } from '@flotilla/kernel/testing';
import { testServerUri } from '@flotilla/postgres/testing';
import type { InstanceStatus } from '../src/control/client.ts';

const BIN = join(import.meta.dirname, '../bin/flotilla.js');

const SERVICE = `
import { createServer } from 'node:http';
import { VERSION } from './parts/NAME.ts';
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
const server = createServer((_, response) => response.end(VERSION));
server.listen(Number(process.env['PORT']), '127.0.0.1', () => {
  const url = 'http://127.0.0.1:' + server.address().port;
  if (VERSION !== 'slow') process.send?.({ type: 'ready', url });
});
`;

/** In a folder whose name has to be encoded in a URL and quoted in a shell. */
describe('a system in the background', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla a%20b#c+d?-'));
    await mkdir(join(folder, 'parts'));
    const config =
      "export default { name: 'two', services: { a: { entry: 'a.ts' }, b: { entry: 'b.ts' } } };";
    await writeFile(join(folder, 'flotilla.config.ts'), config);
    for (const name of ['a', 'b']) {
      await writeFile(join(folder, `${name}.ts`), SERVICE.replace('NAME', name));
      await setVersion(name, '1');
    }
  });
  afterEach(async () => {
    await flotilla('down');
    await rm(folder, { recursive: true });
  });

  const setVersion = (name: string, version: string) =>
    writeFile(join(folder, 'parts', `${name}.ts`), `export const VERSION: string = '${version}';\n`);

  function flotilla(...args: readonly string[]) {
    const env = { ...childEnvironment(), NO_COLOR: '1', DATABASE_URL: testServerUri() };
    return new Promise<{ readonly code: number; readonly out: string; readonly err: string }>((resolve) => {
      const child = execFile(process.execPath, [BIN, ...args], { cwd: folder, env }, (_, out, err) =>
        resolve({ code: child.exitCode ?? -1, out, err }),
      );
    });
  }

  const ps = async () => JSON.parse((await flotilla('ps', '--json')).out) as readonly InstanceStatus[];
  const pidOf = async (service: string) => (await ps()).find((one) => one.service === service)?.pid;

  it('is ready when --wait comes back, is there once, and restarts what has changed alone', async () => {
    const started = await flotilla('up', '--wait', '--watch', '--isolated');
    assert.equal(started.code, 0, started.err);
    assert.match(started.out, /^two is running on PostgreSQL \(/);
    assert.match(started.out, /In the background: npx flotilla ps, .*npx flotilla down$/m);
    assert.ok((await ps()).every(({ ready }) => ready));

    const again = await flotilla('up', '--wait', '--json');
    assert.equal(again.code, 1);
    assert.equal((JSON.parse(again.err) as { code: string }).code, 'CLI_ALREADY_RUNNING');

    const [a, b] = [await pidOf('a'), await pidOf('b')];
    await setVersion('a', '1'); // saved, and the same
    await eventually('b is another process', async () => {
      await setVersion('b', '2');
      const now = await pidOf('b');
      return now !== b && now !== null;
    });
    assert.equal(await pidOf('a'), a);
    const log = await readFile(join(folder, '.flotilla/logs/supervisor.log'), 'utf8');
    assert.match(log, /^parts\/b\.ts has changed: b is restarted$/m);
    assert.doesNotMatch(log, /a is restarted/);
    assert.equal((await flotilla('down')).code, 0);
    assert.equal((await flotilla('ps')).code, 7);
  });

  it('that does not start says why, to whoever started it', async () => {
    await writeFile(join(folder, 'flotilla.config.ts'), 'export default { nothing: true };');
    const { code, err } = await flotilla('up', '--detach', '--isolated');
    assert.equal(code, 1);
    assert.match(err, /it did not start:[\s\S]*must export a system/);
  });

  it('that is not ready in time goes on, and what is missing is named', async () => {
    await setVersion('b', 'slow');
    const { code, err } = await flotilla('up', '--wait', '--timeout', '5', '--isolated', '--json');
    assert.equal(code, 1);
    const error = JSON.parse(err) as { code: string; message: string };
    assert.equal(error.code, 'CLI_NOT_READY');
    assert.match(error.message, /not everything is ready after 5 s \(.*b-1 Starting/);
    assert.ok(await pidOf('b'));
  });
});

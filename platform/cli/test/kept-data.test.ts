import assert from 'node:assert/strict';
import { access, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { testServerUri } from '@flotilla/postgres/testing';
import { dataDirAt } from '../src/data-dir/data-dir.ts';
import { type Env, flotilla, up, withDataDir } from './cli.ts';
import { query } from './processes.ts';

describe('on an existing PostgreSQL', () => {
  const adminUri = testServerUri();
  const env = { DATABASE_URL: adminUri };
  const ours = () =>
    query(
      adminUri,
      "SELECT datname FROM pg_database WHERE datname IN ('accounts', 'stock', 'billing', 'bus')",
    );
  const reset = (dataDir: string, more: Env = env) =>
    flotilla(['down', '--reset', '--yes', '--data-dir', dataDir], more);

  it('a system runs as well, without demo data, and leaves it as it was found', () =>
    withDataDir(async (dataDir) => {
      const system = await up(dataDir, ['--isolated'], env);
      assert.equal((await ours()).length, 4);
      const instances = await system.ps();
      assert.equal(
        instances.some(({ service }) => service === 'postgres'),
        false,
      );
      const url = instances.find(({ service }) => service === 'stock')?.url ?? '';
      const seen = (await (await fetch(url)).json()) as Env;
      assert.equal(seen['FLOTILLA_DEMO'], '0');
      assert.notEqual(seen['DATABASE_URL'], adminUri);
      const { code, out } = await reset(dataDir);
      assert.equal(code, 0, out);
      assert.match(
        out,
        /databases accounts, billing, bus, stock and the roles accounts, billing, bus-reader, stock/,
      );
      assert.equal(await system.exited, 0);
      assert.deepEqual(await ours(), []);
      await assert.rejects(access(dataDir), { code: 'ENOENT' });
    }));

  it('a second one is refused, also without its secrets, and its reset leaves the first alone', () =>
    withDataDir((dataDir) =>
      withDataDir(async (second) => {
        const system = await up(dataDir, ['--isolated', '--only', 'stock'], env);
        const uri = (await flotilla(['db', 'uri', 'stock', '--data-dir', dataDir])).out.trim();
        await query(uri, "INSERT INTO note VALUES ('precious')");
        const only = ['up', '--isolated', '--only', 'stock', '--data-dir'];
        const refused = await flotilla([...only, second], env);
        assert.equal(refused.code, 1);
        assert.match(refused.out, /already has a role stock of another system/);
        const nothing = await reset(second);
        assert.equal(nothing.code, 0, nothing.out);
        assert.doesNotMatch(nothing.out, /the databases/);

        system.process.kill('SIGTERM');
        await system.exited;
        for (const wrong of [{}, { DATABASE_URL: 'postgres://postgres@127.0.0.1:1/postgres' }])
          assert.equal((await reset(dataDir, wrong)).code, 1, 'its databases are elsewhere');
        await access(join(dataDir, 'secrets.json'));
        const secrets = join(dataDir, 'secrets.json');
        await rename(secrets, `${secrets}.backup`);
        const keyless = await flotilla([...only, dataDir], env);
        assert.match(keyless.out, /there are data of this system, but not .*secrets\.json/);
        await assert.rejects(access(secrets), { code: 'ENOENT' });
        assert.deepEqual(await query(uri, 'SELECT text FROM note'), [{ text: 'precious' }]);

        // What the user put there stays; the databases are found without the secrets.
        const { code, out } = await reset(dataDir);
        assert.equal(code, 0, out);
        assert.deepEqual(await ours(), []);
        assert.deepEqual(await readdir(dataDir), ['secrets.json.backup']);
      }),
    ));
});

describe('a data directory', () => {
  const only = ['up', '--isolated', '--only', 'edge', '--data-dir'];

  it('is never a folder that holds something else', () =>
    withDataDir(async (folder) => {
      await mkdir(join(folder, 'logs'));
      await writeFile(join(folder, 'logs', 'thesis.tex'), 'thesis');
      await writeFile(join(folder, 'photo.jpg'), 'photo');
      for (const args of [
        [...only, folder],
        ['down', '--reset', '--yes', '--data-dir', folder],
      ]) {
        const { code, out } = await flotilla(args);
        assert.equal(code, 1, out);
        assert.match(out, /holds files that `flotilla up` did not make/);
      }
      assert.deepEqual((await readdir(folder, { recursive: true })).sort(), [
        'logs',
        'logs/thesis.tex',
        'photo.jpg',
      ]);
    }));

  it('is the same under every name', () =>
    withDataDir(async (dataDir) => {
      const link = `${dataDir}-link`;
      await symlink(dataDir, link);
      try {
        assert.equal(dataDirAt(link).path, dataDir);
        assert.equal(dataDirAt(join(link, 'a', 'b')).path, join(dataDir, 'a', 'b'));
      } finally {
        await rm(link);
      }
    }));

  it('with torn secrets is refused, and left as it is until it is reset', () =>
    withDataDir(async (dataDir) => {
      const system = await up(dataDir, only.slice(1, -1));
      system.process.kill('SIGTERM');
      await system.exited;
      const file = join(dataDir, 'secrets.json');
      for (const torn of ['', '{"database stock": "ab', '[]', '{"database stock": 1}']) {
        await writeFile(file, torn);
        const { code, out } = await flotilla([...only, dataDir]);
        assert.equal(code, 1);
        assert.match(out, /secrets\.json does not hold the secrets of this system any more: restore it/);
        assert.equal(await readFile(file, 'utf8'), torn);
      }
      assert.equal((await flotilla(['down', '--reset', '--yes', '--data-dir', dataDir])).code, 0);
      await assert.rejects(access(dataDir), { code: 'ENOENT' });
    }));
});

it('a command line that is not understood is answered with 2 and a hint', async () => {
  assert.deepEqual(await flotilla(['lgos']), {
    code: 2,
    out: 'flotilla: there is no command lgos: did you mean logs?\n',
  });
  assert.equal((await flotilla(['up', '--prot', '1'])).code, 2);
  assert.equal((await flotilla(['stop'])).code, 2);
  assert.equal((await flotilla(['up', '--log-level', 'loud'])).code, 2);
  assert.equal((await flotilla(['up', '--only', 'nobody'])).code, 2);
  const mysql = await flotilla(['up'], { DATABASE_URL: 'mysql://root:secret@127.0.0.1/x' });
  assert.equal(mysql.code, 2);
  assert.match(mysql.out, /DATABASE_URL must look like postgres:.*, got mysql:\/\/…$/m);
  const crash = await flotilla(['up', '--isolated'], { FLOTILLA_CRASH_POINT: 'stock=nowhere' });
  assert.deepEqual([crash.code, /stock has no crash point nowhere/.test(crash.out)], [2, true]);
  assert.match((await flotilla(['--help'])).out, /Usage: flotilla <command>/);
  assert.match((await flotilla(['logs', '--help'])).out, /-f, --follow/);
});

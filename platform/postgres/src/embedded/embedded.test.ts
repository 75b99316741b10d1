import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase } from '../database.ts';
import type { SqlValue } from '../statement.ts';
import { parseAccount, serverAccount } from './account.ts';
import { findInstalled, prepareBinaries } from './binaries.ts';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from './embedded.ts';
import { removeEmbeddedPostgres } from './home.ts';
import { readPid } from './survivor.ts';

const isRoot = process.getuid?.() === 0;

async function queryAt(adminUri: string, sql: string, values?: readonly SqlValue[]) {
  const db = createDatabase({ uri: adminUri, applicationName: 'test', maxConnections: 1 });
  try {
    return await db.query(sql, values);
  } finally {
    await db.close();
  }
}

/** A process that has ended but that nobody has waited for is not alive. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !status.includes(') Z ');
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla a%20b#-'));
  await chmod(folder, 0o755);
  return folder;
}

describe('the embedded server', () => {
  let folder: string;
  let dataDir: string;
  const running = new Set<EmbeddedPostgres>();

  before(async () => {
    folder = await makeFolder();
    dataDir = join(folder, 'data');
  });
  afterEach(async () => {
    for (const server of running) await server.stop();
    running.clear();
  });
  after(() => rm(folder, { recursive: true }));

  async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
    const server = await startEmbeddedPostgres({
      dataDir,
      logFile: join(folder, 'postgres.log'),
      ...options,
    });
    running.add(server);
    return server;
  }

  it('keeps the data between a stop and a start', async () => {
    const first = await start();
    await queryAt(first.adminUri, 'CREATE TABLE kept (id int)');
    await queryAt(first.adminUri, 'INSERT INTO kept VALUES (1)');
    await first.stop();
    assert.equal(await isAlive(first.pid), false);
    const second = await start();
    assert.deepEqual(await queryAt(second.adminUri, 'SELECT id FROM kept'), [{ id: 1 }]);
  });

  it('is durable, local and closed to those without a password', async () => {
    const { adminUri } = await start();
    const settings = await queryAt(
      adminUri,
      `SELECT name, setting FROM pg_settings WHERE name IN
       ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'unix_socket_directories') ORDER BY name`,
    );
    assert.deepEqual(settings, [
      { name: 'fsync', setting: 'on' },
      { name: 'full_page_writes', setting: 'on' },
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'synchronous_commit', setting: 'on' },
      { name: 'unix_socket_directories', setting: `"${join(folder, 'socket')}"` },
    ]);
    // libpq, and so psql, decodes percent signs and nothing else.
    const host = /\?host=([^&]*)$/.exec(adminUri)?.[1] ?? '';
    assert.equal(decodeURIComponent(host), join(folder, 'socket'));
    const open = new URL(adminUri);
    open.password = 'wrong';
    await assert.rejects(queryAt(open.href, 'SELECT 1'), /password authentication failed/);
    assert.equal((await stat(join(folder, 'superuser-password'))).mode & 0o077, 0);
  });

  it('sorts and folds text by Unicode, the same on every machine', async () => {
    const { adminUri } = await start();
    assert.deepEqual(await queryAt(adminUri, "SELECT lower('ÄÖ') AS folded, 'a' > 'B' AS by_code"), [
      { folded: 'äö', by_code: true },
    ]);
  });

  it('recovers every committed row after it was killed', async () => {
    const exited = Promise.withResolvers<void>();
    const first = await start({ onExit: exited.resolve });
    await queryAt(first.adminUri, 'CREATE TABLE survived (id int)');
    for (let id = 1; id <= 5; id += 1)
      await queryAt(first.adminUri, 'INSERT INTO survived VALUES ($1)', [id]);
    first.kill();
    await exited.promise;
    const second = await start();
    assert.equal((await queryAt(second.adminUri, 'SELECT id FROM survived')).length, 5);
  });

  it('starts although the pid file names some other living process', async () => {
    await writeFile(join(dataDir, 'postmaster.pid'), `${process.pid}\n${dataDir}\n0\n0\n\n127.0.0.1\n`);
    const { pid } = await start();
    assert.notEqual(pid, process.pid);
  });

  it('names the port that is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    assert.ok(typeof address === 'object' && address);
    await assert.rejects(start({ port: address.port }), {
      code: 'POSTGRES_START_FAILED',
      message: /Address already in use/,
    });
    holder.close();
  });

  it('refuses the data of another major version', async () => {
    const other = join(folder, 'other');
    await mkdir(other);
    await writeFile(join(other, 'PG_VERSION'), '15\n');
    await assert.rejects(start({ dataDir: other }), {
      code: 'POSTGRES_DATA_DIR_VERSION',
      message: /PostgreSQL 15/,
    });
  });

  it('never makes anew what holds anything, whatever of it is missing', async () => {
    const cluster = join(folder, 'cluster');
    const first = await start({ dataDir: cluster });
    await queryAt(first.adminUri, 'CREATE TABLE kept (id int)');
    await first.stop();
    const file = join(cluster, 'PG_VERSION');
    const damages: Readonly<Record<string, () => Promise<unknown>>> = {
      'is missing': () => rm(file),
      'is empty': () => writeFile(file, ''),
      'cannot be read': async () => {
        await rm(file);
        await mkdir(file); // root may read any file
      },
    };
    for (const [what, damage] of Object.entries(damages)) {
      await damage();
      await assert.rejects(
        start({ dataDir: cluster }),
        (error: Error) => error.message.includes(file) && /Nothing was changed/.test(error.message),
        what,
      );
      await rm(file, { recursive: true, force: true });
      await writeFile(file, '18\n');
    }
    const healed = await start({ dataDir: cluster });
    assert.deepEqual(await queryAt(healed.adminUri, 'SELECT id FROM kept'), []);
  });

  it("refuses a file, and somebody else's folder, as its data directory", async () => {
    const [photos, file] = [join(folder, 'photos'), join(folder, 'file')];
    await mkdir(photos);
    await writeFile(join(photos, 'photo.jpg'), 'photo');
    await writeFile(file, 'text');
    for (const wrong of [photos, file])
      await assert.rejects(start({ dataDir: wrong }), { code: 'POSTGRES_DATA_DIR_UNUSABLE' });
    assert.deepEqual(await readdir(photos), ['photo.jpg']);
    assert.equal(await readFile(file, 'utf8'), 'text');
  });

  it('sets a new password where the old one was lost', async () => {
    const { adminUri, stop } = await start();
    await stop();
    for (const lost of ['', undefined]) {
      if (lost === undefined) await rm(join(folder, 'superuser-password'));
      else await writeFile(join(folder, 'superuser-password'), lost);
      const server = await start();
      assert.notEqual(new URL(server.adminUri).password, new URL(adminUri).password);
      assert.deepEqual(await queryAt(server.adminUri, 'SELECT 1 AS one'), [{ one: 1 }]);
      await server.stop();
    }
  });

  it('names the file of a wrong password, and leaves it and no server behind', async () => {
    const file = join(folder, 'superuser-password');
    const right = await readFile(file, 'utf8');
    await writeFile(file, 'wrong');
    await assert.rejects(start(), {
      code: 'POSTGRES_DATA_DIR_UNUSABLE',
      message: new RegExp(`does not accept the password in ${file}`),
    });
    assert.equal(await readFile(file, 'utf8'), 'wrong');
    assert.equal(await readPid(dataDir), undefined);
    await writeFile(file, right);
    await start();
  });

  it('starts over a pid file that names no process', async () => {
    for (const torn of ['', '\n', 'garbage']) {
      await writeFile(join(dataDir, 'postmaster.pid'), torn);
      await (await start()).stop();
    }
  });

  it('stops a server that runs although the pid file was emptied', async () => {
    const first = await start();
    await writeFile(join(dataDir, 'postmaster.pid'), '');
    await start();
    assert.equal(await isAlive(first.pid), false);
  });

  it('keeps its log short while it runs, and the lines before in another file', async () => {
    const [logFile, maxLogBytes] = [join(folder, 'chatty.log'), 20_000];
    const { adminUri } = await start({ logFile, maxLogBytes });
    const wrong = `SELECT nothing -- ${'x'.repeat(5_000)}`;
    await eventually('the log was cut', async () => {
      await queryAt(adminUri, wrong).catch(() => undefined);
      return (await readdir(folder)).includes('chatty.log.1');
    });
    assert.ok((await stat(`${logFile}.1`)).size <= maxLogBytes + 6_000);
    await queryAt(adminUri, 'SELECT after_the_cut').catch(() => undefined);
    await eventually('it goes on', async () => (await readFile(logFile, 'utf8')).includes('after_the_cut'));
  });

  it('makes anew a data directory whose making was interrupted', async () => {
    const half = join(folder, 'half');
    const unfinished = `${half}.new-${randomUUID()}`;
    await mkdir(unfinished, { recursive: true });
    await writeFile(join(unfinished, 'PG_VERSION'), '18\n');
    await mkdir(half);
    const { adminUri } = await start({ dataDir: half });
    assert.deepEqual(await queryAt(adminUri, 'SELECT 1 AS one'), [{ one: 1 }]);
    assert.equal(
      (await readdir(folder)).some((name) => name.startsWith('half.new-')),
      false,
    );
  });
});

describe('the guardian of the embedded server', () => {
  let folder: string;
  let dataDir: string;
  before(async () => {
    folder = await makeFolder();
    dataDir = join(folder, 'data');
  });
  after(() => rm(folder, { recursive: true }));

  /** Another process that starts the server, to be killed. */
  async function startElsewhere(): Promise<{ starter: ChildProcess; serverPid: number }> {
    const program = `
      import { startEmbeddedPostgres } from '@flotilla/postgres/embedded';
      const server = await startEmbeddedPostgres(${JSON.stringify({ dataDir, logFile: join(folder, 'log') })});
      console.log(server.pid);`;
    const starter = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.ok(starter.stdout);
    const [line] = await once(createInterface(starter.stdout), 'line');
    return { starter, serverPid: Number(line) };
  }

  it('ends the server when the process that started it is killed', async () => {
    const { starter, serverPid } = await startElsewhere();
    assert.ok(await isAlive(serverPid));
    starter.kill('SIGKILL');
    await eventually('the server has ended', async () => !(await isAlive(serverPid)));
    assert.equal(await readPid(dataDir), undefined);
    const server = await startEmbeddedPostgres({ dataDir, logFile: join(folder, 'log') });
    await server.stop();
    assert.doesNotMatch(await readFile(join(folder, 'log'), 'utf8'), /automatic recovery/);
  });

  // The process tree is read from /proc.
  if (process.platform === 'linux') {
    it('does not leave the server alone when it is killed itself', async () => {
      const exited = Promise.withResolvers<void>();
      const server = await startEmbeddedPostgres({
        dataDir,
        logFile: join(folder, 'log'),
        onExit: exited.resolve,
      });
      process.kill(await parentOf(server.pid), 'SIGKILL');
      await exited.promise;
      assert.equal(await isAlive(server.pid), false);
    });

    it('is not needed for the next start, which stops a server that survived', async () => {
      const { starter, serverPid } = await startElsewhere();
      const guardian = await parentOf(serverPid);
      const shells = (await childrenOf(guardian)).filter((pid) => pid !== serverPid);
      // Stopped first, so that no shell can act on the death of another.
      for (const pid of [guardian, ...shells]) process.kill(pid, 'SIGSTOP');
      for (const pid of [...shells, guardian]) process.kill(pid, 'SIGKILL');
      process.kill(starter.pid ?? 0, 'SIGKILL');
      await once(starter, 'exit');
      assert.ok(await isAlive(serverPid));
      const server = await startEmbeddedPostgres({ dataDir, logFile: join(folder, 'log') });
      assert.equal(await isAlive(serverPid), false);
      await server.stop();
    });
  }
});

async function parentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]);
}

async function childrenOf(parent: number): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(pids.map((pid) => parentOf(pid).catch(() => 0)));
  return pids.filter((_, index) => parents[index] === parent);
}

describe('the account of the embedded server', () => {
  it('is postgres, else nobody', () => {
    const nobody = 'root:x:0:0::/root:/bin/sh\nnobody:x:99:98::/:/bin/false\n';
    assert.deepEqual(parseAccount(`${nobody}postgres:x:101:104::/var/lib/postgresql:/bin/bash\n`), {
      uid: 101,
      gid: 104,
    });
    assert.deepEqual(parseAccount(nobody), { uid: 99, gid: 98 });
    assert.deepEqual(parseAccount(''), { uid: 65534, gid: 65534 });
  });

  if (isRoot) {
    describe('whose folder cannot be reached', () => {
      let locked: string;
      const dataDirIn = (name: string) => join(locked, name, 'postgres', 'data');
      const noteIn = (name: string) => join(locked, name, 'postgres', 'relocated-to');

      before(async () => {
        locked = await mkdtemp(join(tmpdir(), 'flotilla-locked-')); // mode 0700
      });
      after(() => rm(locked, { recursive: true }));

      /** What a system in that folder finds: the rows of its table, made at the first time. Leaves a row behind. */
      async function visit(name: string): Promise<{ readonly rows: number; readonly home: string }> {
        const server = await startEmbeddedPostgres({
          dataDir: dataDirIn(name),
          logFile: join(locked, 'log'),
        });
        try {
          await queryAt(server.adminUri, 'CREATE TABLE IF NOT EXISTS visit (id int)');
          const { length: rows } = await queryAt(server.adminUri, 'SELECT * FROM visit');
          await queryAt(server.adminUri, 'INSERT INTO visit VALUES (1)');
          const [row] = await queryAt(server.adminUri, "SELECT current_setting('data_directory') AS path");
          return { rows, home: dirname(String(row?.['path'])) };
        } finally {
          await server.stop();
        }
      }

      it('gets its data at a place that it can reach', async () => {
        const { home } = await visit('a');
        assert.match(home, /^\/var\/lib\/flotilla\//);
        assert.deepEqual(await visit('a'), { rows: 1, home });
      });

      it('finds its data after the folder was renamed, back, or is reached by a link', async () => {
        await rename(join(locked, 'a'), join(locked, 'b'));
        assert.equal((await visit('b')).rows, 2);
        assert.equal((await visit('a')).rows, 0, 'another one in its old place');
        assert.equal((await visit('b')).rows, 3);
        await removeEmbeddedPostgres(dataDirIn('a'));
        await rm(join(locked, 'a'), { recursive: true });
        await rename(join(locked, 'b'), join(locked, 'a'));
        await symlink(join(locked, 'a'), join(locked, 'link'));
        assert.equal((await visit('link')).rows, 4);
        assert.equal((await visit('a')).rows, 5);
      });

      it('refuses a copy of the folder, whose removal leaves the data alone', async () => {
        await cp(join(locked, 'a'), join(locked, 'copy'), { recursive: true });
        await assert.rejects(visit('copy'), { code: 'POSTGRES_DATA_DIR_UNUSABLE', message: /is a copy/ });
        await removeEmbeddedPostgres(dataDirIn('copy'));
        assert.equal((await visit('a')).rows, 6);
      });

      it('deletes nothing when the note is missing, torn or unreadable', async () => {
        const note = await readFile(noteIn('a'), 'utf8');
        const damages: readonly (() => Promise<unknown>)[] = [
          async () => undefined, // missing
          () => writeFile(noteIn('a'), ''),
          () => writeFile(noteIn('a'), note.slice(0, -5)),
          () => writeFile(noteIn('a'), '/'),
          () => mkdir(noteIn('a')),
        ];
        for (const damage of damages) {
          await rm(noteIn('a'));
          await damage();
          await assert.rejects(visit('a'), { code: 'POSTGRES_DATA_DIR_UNUSABLE' });
          await rm(noteIn('a'), { recursive: true, force: true });
          await writeFile(noteIn('a'), note);
        }
        assert.equal((await visit('a')).rows, 7);
      });

      it('is rid of them when they are removed', async () => {
        const home = await readFile(noteIn('a'), 'utf8');
        await removeEmbeddedPostgres(dataDirIn('a'));
        await assert.rejects(stat(home), { code: 'ENOENT' });
        assert.deepEqual(await readdir(join(locked, 'a', 'postgres')), []);
      });

      it('does not begin elsewhere because the folder was locked later', async () => {
        const open = await makeFolder();
        const options = { dataDir: join(open, 'data'), logFile: join(open, 'log') };
        await (await startEmbeddedPostgres(options)).stop();
        await chmod(open, 0o700);
        await assert.rejects(startEmbeddedPostgres(options), { code: 'POSTGRES_DATA_DIR_UNUSABLE' });
        await rm(open, { recursive: true });
      });
    });

    it('gets a copy of the server when it cannot reach the installed one', async () => {
      const locked = await mkdtemp(join(tmpdir(), 'flotilla-locked-'));
      const folder = await makeFolder();
      const installed = await findInstalled();
      const native = join(locked, 'native');
      await cp(installed.native, native, { recursive: true });
      const account = await serverAccount();
      const binaries = await prepareBinaries(folder, account, { ...installed, native });
      assert.ok(binaries.postgres.startsWith(folder));
      const version = spawn(binaries.postgres, ['--version'], {
        ...account,
        cwd: '/',
        env: { LD_LIBRARY_PATH: binaries.libraryPath },
        stdio: 'ignore',
      });
      assert.deepEqual(await once(version, 'exit'), [0, null]);
      for (const path of [locked, folder]) await rm(path, { recursive: true });
    });
  }
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase } from './database.ts';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from './embedded.ts';
import { parseAccount, serverAccount } from './embedded-account.ts';
import { findInstalled, prepareBinaries } from './embedded-binaries.ts';
import { removeEmbeddedPostgres } from './embedded-home.ts';
import { readPid } from './embedded-survivor.ts';
import type { SqlValue } from './statement.ts';

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
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-embedded-'));
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

  it('makes anew a data directory whose making was interrupted', async () => {
    const half = join(folder, 'half');
    await mkdir(`${half}.new-1`, { recursive: true });
    await writeFile(join(`${half}.new-1`, 'PG_VERSION'), '18\n');
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
      import { startEmbeddedPostgres } from '@flotilla/postgres';
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
    it('gets its data at a place that it can reach when it cannot reach ours', async () => {
      const locked = await mkdtemp(join(tmpdir(), 'flotilla-locked-')); // mode 0700
      const dataDir = join(locked, '.flotilla', 'data');
      const options = { dataDir, logFile: join(locked, 'log') };
      const first = await startEmbeddedPostgres(options);
      await queryAt(first.adminUri, 'CREATE TABLE kept (id int)');
      await first.stop();
      const second = await startEmbeddedPostgres(options);
      assert.deepEqual(await queryAt(second.adminUri, 'SELECT * FROM kept'), []);
      const [row] = await queryAt(second.adminUri, "SELECT current_setting('data_directory') AS path");
      await second.stop();
      const home = dirname(String(row?.['path']));
      assert.match(home, /^\/var\/lib\/flotilla\//);
      await removeEmbeddedPostgres(dataDir);
      await assert.rejects(stat(home), { code: 'ENOENT' });
      await rm(locked, { recursive: true });
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

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { dataDirAt } from '../data-dir/data-dir.ts';
import { answers, claimSocket } from './socket.ts';

describe('the control socket', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla-socket-'));
    path = join(folder, 'control.sock');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('belongs to one process at a time', async () => {
    const [first, second] = [createServer(), createServer()];
    assert.equal(await claimSocket(first, path), true);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal(await claimSocket(second, path), false);
    first.close();
    await once(first, 'close');
    assert.equal(await claimSocket(second, path), true);
    second.close();
  });

  it('is taken over from a process that was killed', async () => {
    const program = `require('node:http').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'))`;
    const other = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    const server = createServer();
    assert.equal(await claimSocket(server, path), false);
    other.kill('SIGKILL');
    await once(other, 'exit');
    assert.equal(await answers(path), false);
    const [mine, late] = [server, createServer()];
    const claims = await Promise.all([claimSocket(mine, path), claimSocket(late, path)]);
    assert.deepEqual(claims.sort(), [false, true], 'two that start at the same time');
    assert.deepEqual(await readdir(folder), ['control.sock']);
    for (const one of [mine, late]) one.close();
  });

  it('is not taken from a process that is too busy to answer', async () => {
    const program = `require('node:http').createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => console.log('listening'))`;
    const busy = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(busy.stdout, 'data');
    busy.kill('SIGSTOP');
    const other = createServer();
    const waiting = Array.from({ length: 8 }, () => connect(path).on('error', () => undefined));
    try {
      await eventually('no more can wait', () => waiting.some((socket) => socket.destroyed));
      assert.equal(await claimSocket(other, path), false);
    } finally {
      other.close();
      for (const socket of waiting) socket.destroy();
      busy.kill('SIGKILL');
      await once(busy, 'exit');
    }
  });

  it('that cannot be asked is not taken for one that nobody has', async () => {
    await assert.rejects(answers(join(folder, 'control.sock', 'x'.repeat(200))));
    await writeFile(join(folder, 'file'), '');
    await assert.rejects(claimSocket(createServer(), join(folder, 'file', 'control.sock')), {
      code: 'ENOTDIR',
    });
  });

  it('is found by everybody, also where the path is too long for a socket', () => {
    const short = dataDirAt('/data').controlSocket;
    assert.equal(short, '/data/control.sock');
    const long = dataDirAt(`/${'deep/'.repeat(30)}data`).controlSocket;
    assert.ok(long.length < 100);
    assert.equal(dataDirAt(`/${'deep/'.repeat(30)}data`).controlSocket, long);
    assert.notEqual(dataDirAt(`/${'deep/'.repeat(31)}data`).controlSocket, long);
  });
});

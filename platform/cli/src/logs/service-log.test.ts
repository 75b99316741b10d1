import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { listLogs, readRecent } from './log-files.ts';
import { openServiceLog } from './service-log.ts';

describe('the log of a process', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla-log-'));
    file = join(folder, 'order-1.log');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps whole lines, however they arrive', async () => {
    const log = openServiceLog(file);
    const seen: string[] = [];
    const stop = log.follow((line) => seen.push(line));
    const euro = Buffer.from('€');
    log.write(Buffer.from('first\nsec'));
    log.write(Buffer.concat([Buffer.from('ond '), euro.subarray(0, 1)]));
    log.write(Buffer.concat([euro.subarray(1), Buffer.from('\nthi')]));
    assert.deepEqual(log.recent(10), ['first', 'second €']);
    assert.deepEqual(log.recent(1), ['second €']);
    stop();
    log.write(Buffer.from('rd\n'));
    assert.deepEqual(seen, ['first', 'second €']);
    log.close();
    assert.equal(await readFile(file, 'utf8'), 'first\nsecond €\nthird\n');
    assert.equal((await stat(file)).mode & 0o077, 0);
  });

  it('takes twice its limit on disk at most, and loses only what is old', async () => {
    const log = openServiceLog(file, 1_000);
    for (let n = 0; n < 500; n += 1) log.write(Buffer.from(`line ${n}\n`));
    log.close();
    assert.deepEqual((await readdir(folder)).sort(), ['order-1.log', 'order-1.log.1']);
    const sizes = await Promise.all([file, `${file}.1`].map(async (path) => (await stat(path)).size));
    assert.ok(
      sizes.every((size) => size <= 1_000),
      String(sizes),
    );
    const newest = await readRecent(await listLogs(folder), 150);
    assert.equal(newest.length, 150);
    assert.equal(newest.at(-1)?.line, 'line 499');
    assert.equal(newest[0]?.line, 'line 350');
  });

  it('goes on in the file of the run before', async () => {
    for (const text of ['one\n', 'two\n']) {
      const log = openServiceLog(file);
      log.write(Buffer.from(text));
      log.close();
    }
    assert.equal(await readFile(file, 'utf8'), 'one\ntwo\n');
  });

  it('is merged with the others by time', async () => {
    const line = (time: string) => `{"time":"2026-01-01T00:00:0${time}Z"}\n`;
    for (const [name, text] of [
      ['order-1', `${line('1')}  at a stack\n${line('4')}`],
      ['stock-1', `${line('2')}${line('3')}`],
    ] as const) {
      const log = openServiceLog(join(folder, `${name}.log`));
      log.write(Buffer.from(text));
      log.close();
    }
    const lines = await readRecent(await listLogs(folder), 10);
    assert.deepEqual(
      lines.map(({ instance }) => instance),
      ['order-1', 'order-1', 'stock-1', 'stock-1', 'order-1'],
    );
  });
});

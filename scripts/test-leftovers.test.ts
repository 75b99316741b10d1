import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { removeLeftovers, runFolderPrefix } from './test-leftovers.ts';

const PRELOADED = join(import.meta.dirname, 'end-with-run.ts');

async function temporary(t: { after(work: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-leftovers-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

describe('a run of the tests that was killed', () => {
  it('is cleaned up after by the next one, which leaves those alone that still run', async (t) => {
    const parent = await temporary(t);
    const ended = spawn(process.execPath, ['-e', '']);
    await once(ended, 'exit');
    const running = `${runFolderPrefix(process.pid)}abc`;
    for (const name of [`${runFolderPrefix(ended.pid ?? 0)}abc`, running, 'flotilla-test-abc'])
      await mkdir(join(parent, name, 'data'), { recursive: true });
    await removeLeftovers(parent);
    assert.deepEqual((await readdir(parent)).sort(), [running, 'flotilla-test-abc'].sort());
  });

  it('takes its test processes with it', async (t) => {
    const file = join(await temporary(t), 'hangs.test.ts');
    await writeFile(file, "process.send?.('hangs'); setInterval(() => undefined, 1_000);");
    const hanging = spawn(process.execPath, ['--import', PRELOADED, file], {
      stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
    });
    t.after(() => hanging.kill('SIGKILL'));
    await once(hanging, 'message');
    hanging.stdin?.destroy(); // as the end of the run does
    assert.deepEqual(await once(hanging, 'exit'), [1, null]);
  });
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { watchLiveness } from './liveness.ts';
import { childEnvironment, eventually } from './testing/index.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that answers pings, and does what `code` says at each message of ours. */
async function start(code: string): Promise<ChildProcess> {
  const program = `
    import { answerPings } from ${JSON.stringify(new URL('./liveness.ts', import.meta.url).href)};
    answerPings();
    process.on('message', (message) => { if (message === 'go') { ${code} } });
    process.send('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: childEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  await once(child, 'message');
  return child;
}

const silenceMs = 4_000;

describe('whether a process lives', () => {
  for (const [how, code] of [
    ['spins', 'for (;;);'],
    ['waits for something outside', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'],
  ] as const)
    it(`one that ${how} hangs, and that is told once`, async () => {
      const child = await start(code);
      let hangs = 0;
      watchLiveness(child, { silenceMs, onHang: () => (hangs += 1) });
      child.send('go');
      await eventually('it is noticed', () => hangs === 1);
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      assert.equal(hangs, 1);
    });

  it('one that answers lives, also when it was busy for a while', async () => {
    const child = await start(
      `const end = Date.now() + 1_500; while (Date.now() < end); process.send('done')`,
    );
    let hangs = 0;
    let pongs = 0;
    watchLiveness(child, { silenceMs, onHang: () => (hangs += 1) });
    child.on('message', (message) => {
      if (message !== 'done') pongs += 1;
    });
    child.send('go');
    await once(child, 'message');
    await eventually('it was asked more often than a hang takes', () => pongs > 6);
    assert.equal(hangs, 0);
  });

  it('one that has ended is not asked any more, nor one whose channel is closed', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const gone = await start('process.exit(0)');
    const silent = await start('process.disconnect()');
    const ends = [once(gone, 'exit'), once(silent, 'disconnect')];
    let hangs = 0;
    for (const child of [gone, silent]) {
      watchLiveness(child, { silenceMs, onHang: () => (hangs += 1) });
      child.send('go');
    }
    await Promise.all(ends);
    t.mock.timers.tick(100 * silenceMs);
    assert.equal(hangs, 0);
  });
});

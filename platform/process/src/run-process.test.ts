import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { childEnvironment, eventually } from '@flotilla/kernel/testing';

const FIXTURE = join(import.meta.dirname, '../test/background.fixture.ts');

/** Without a channel to a supervisor, which would keep it alive. */
function start(t: TestContext, ending: string) {
  const child = spawn(process.execPath, [FIXTURE, ending], {
    env: childEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  return { child, output: () => output, ended: once(child, 'close') };
}

describe('a process', () => {
  it('lives until it is asked to stop, though nothing but its background work keeps it', async (t) => {
    const { child, output, ended } = start(t, 'signal');
    await eventually('it goes on', () => output().split('"beat"').length > 5);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.match(output(), /"serving".*"stopping".*"closed".*"stopped"/s);
  });

  it('is cut short when its end takes longer than it may', async (t) => {
    const { child, output, ended } = start(t, 'stuck');
    await eventually('it serves', () => output().includes('"serving"'));
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [1, null]);
    assert.match(output(), /"limitMs":200.*did not end in time/);
  });

  it('ends with a fault of its background work, which it logs', async (t) => {
    const { output, ended } = start(t, 'fault');
    assert.deepEqual(await ended, [1, null]);
    assert.match(output(), /the valve is stuck.*background task valve failed/);
  });

  it('lists what is wrong with its configuration in words of its own', async (t) => {
    const { output, ended } = start(t, 'configuration');
    assert.deepEqual(await ended, [78, null]);
    assert.equal(output(), 'Unable to beat:\n  - PACE is required\n  - NAME is required\n');
  });
});

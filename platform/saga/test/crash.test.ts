import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sagaCrashPoints } from '../src/testing/crash-points.ts';
import { createRig, type Rig, refuses } from './rig.ts';

const FIXTURE = fileURLToPath(new URL('./crash.fixture.ts', import.meta.url));

/** Runs a saga in a process of its own, which must die at the crash point. */
async function crash(rig: Rig, id: string, crashAt: string, refused: string): Promise<void> {
  const child = spawn(process.execPath, [FIXTURE, rig.uri, id, crashAt, refused], { stdio: 'inherit' });
  const [, signal] = await once(child, 'exit', { signal: AbortSignal.timeout(300_000) });
  assert.equal(signal, 'SIGKILL', `the process did not reach ${crashAt}`);
}

const COMPLETED = [
  'saga.before-call:3',
  'saga.after-call:3',
  'saga.after-record-commit:3',
  'saga.before-end',
];
/** The others take messages or an operator: see crash-message.test.ts. */
const BY_CALLS = sagaCrashPoints.slice(0, sagaCrashPoints.indexOf('saga.before-reply-commit'));

const COMPENSATED = [
  ...BY_CALLS,
  'saga.before-call:3',
  'saga.after-call:3',
  'saga.before-record-commit:4',
  'saga.after-record-commit:4',
  'saga.before-undo:2',
  'saga.after-undo:2',
];

describe('a saga whose process is killed', () => {
  let rig: Rig;
  before(async () => {
    rig = await createRig();
  });
  after(() => rig.close());

  /** Every effect and every hook exactly once, whatever was repeated. */
  async function endsAs(id: string, rows: readonly string[], effects: readonly string[]): Promise<void> {
    // The same process in its next life: it needs not wait for the lease to run out.
    const heir = rig.engine({ instanceId: 'crashing' });
    await rig.end(heir, id);
    await heir.close();
    assert.deepEqual(await rig.rows(id), rows);
    assert.deepEqual(await rig.effects(id), effects);
  }

  for (const point of COMPLETED) {
    it(`completes after ${point}`, async () => {
      const id = randomUUID();
      await crash(rig, id, point, '');
      await endsAs(
        id,
        ['done a', 'done b', 'done c', 'done d', 'completed'],
        ['do a', 'do b', 'do c', 'do d'],
      );
    });
  }

  for (const point of COMPENSATED) {
    it(`is compensated after ${point}`, async () => {
      const id = randomUUID();
      rig.behaviours.set('do c', refuses('no'));
      await crash(rig, id, point, 'c');
      await endsAs(
        id,
        ['done a', 'done b', 'undone b', 'undone a', 'compensated no'],
        ['do a', 'do b', 'do c', 'undo b', 'undo a'],
      );
      rig.behaviours.clear();
    });
  }
});

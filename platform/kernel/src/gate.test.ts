import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createGate } from './gate.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the gate', () => {
  it('lets work in side by side', async () => {
    const gate = createGate();
    const leave = [await gate.enter(), await gate.enter()];
    for (const one of leave) one();
  });

  it('runs one alone when the others have left, and keeps newcomers waiting meanwhile', async () => {
    const gate = createGate();
    const log: string[] = [];
    const end = Promise.withResolvers<void>();
    const leave = await gate.enter();
    const alone = gate.alone(async () => {
      log.push('alone');
      await end.promise;
      log.push('ended');
    });
    const newcomer = gate.enter().then((leaveAgain) => {
      log.push('newcomer');
      leaveAgain();
    });
    const second = gate.alone(async () => {
      log.push('second');
    });
    await turn();
    assert.deepEqual(log, [], 'it waits for the one inside');
    leave();
    await turn();
    assert.deepEqual(log, ['alone']);
    end.resolve();
    await Promise.all([alone, newcomer, second]);
    assert.deepEqual(log.slice(0, 2), ['alone', 'ended']);
    assert.deepEqual(log.slice(2).sort(), ['newcomer', 'second']);
  });

  it('opens again when what ran alone has failed', async () => {
    const gate = createGate();
    const failure = new Error('no');
    await assert.rejects(
      gate.alone(async () => {
        throw failure;
      }),
      failure,
    );
    (await gate.enter())();
  });
});

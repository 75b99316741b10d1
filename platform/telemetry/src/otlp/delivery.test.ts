import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock, eventually } from '@flotilla/kernel/testing';
import { createBatcher } from './batcher.ts';
import type { SendResult } from './sender.ts';

const AWAY: SendResult = { is: 'away', why: 'ECONNREFUSED', afterMs: 1_000 };
const ACCEPTED: SendResult = { is: 'accepted', rejected: 0, message: '' };

/** A sender of batches of one, whose receiver answers as `receiver.result` says, and what it told. */
function open(maxQueue = 10) {
  const clock = createManualClock();
  const told: string[] = [];
  const counts = new Map<string, number>();
  const receiver: { result: SendResult; tries: number } = { result: AWAY, tries: 0 };
  const batcher = createBatcher({
    ...{ maxQueue, maxBatch: 1, delayMs: 0, clock },
    request: () => Buffer.alloc(1),
    send: async () => {
      receiver.tries += 1;
      return receiver.result;
    },
    count: (outcome, items) => counts.set(outcome, (counts.get(outcome) ?? 0) + items),
    onState: (state) => told.push(state.is === 'failing' ? state.why : 'taken again'),
  });
  const push = () => batcher.push({ scope: 'test', bytes: Buffer.alloc(1) });
  /** Until it has been asked again: a second later each time. */
  const tryAgain = async (times: number) => {
    for (let index = 0; index < times; index += 1) {
      const { tries } = receiver;
      await clock.advance(1_000);
      await eventually('it is tried again', () => receiver.tries > tries);
    }
  };
  return { push, receiver, told, counts, tryAgain, close: batcher.close };
}

describe('a receiver that is away', () => {
  it('is no news while it starts, and nothing is lost', async () => {
    const { push, receiver, told, counts, tryAgain, close } = open();
    push();
    push();
    await eventually('it was tried', () => receiver.tries === 1);
    await tryAgain(20);
    receiver.result = ACCEPTED;
    await tryAgain(1);
    await eventually('both are taken', () => counts.get('accepted') === 2);
    await close();
    assert.deepEqual([told, [...counts]], [[], [['accepted', 2]]]);
  });

  it('is told of once when it stays away, and when it is back', async () => {
    const { push, receiver, told, tryAgain, close } = open();
    push();
    await eventually('it was tried', () => receiver.tries === 1);
    await tryAgain(40);
    assert.deepEqual(told, ['ECONNREFUSED']);
    receiver.result = ACCEPTED;
    await tryAgain(1);
    await eventually('it says so', () => told.length === 2);
    await close();
    assert.deepEqual(told, ['ECONNREFUSED', 'taken again']);
  });

  it('is told of at once when what waits for it is lost: the queue is full, or the process ends', async () => {
    const full = open(1);
    for (let index = 0; index < 2; index += 1) full.push();
    await eventually('it was tried', () => full.receiver.tries === 1);
    assert.deepEqual(full.told, []);
    full.push();
    assert.deepEqual(full.told, ['ECONNREFUSED']);
    await full.close();

    const ending = open();
    ending.push();
    await eventually('it was tried', () => ending.receiver.tries === 1);
    await ending.close();
    assert.deepEqual([ending.told, ending.counts.get('unreachable')], [['ECONNREFUSED'], 1]);
  });
});

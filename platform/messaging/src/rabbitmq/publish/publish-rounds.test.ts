import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OutgoingMessage } from '../../transport.ts';
import { publishRounds } from './publish-rounds.ts';

function message(id: string, body = ''): OutgoingMessage {
  return { id, type: 'x.done.v1', key: id.charAt(0), body, mandatory: false };
}

function ids(rounds: readonly (readonly OutgoingMessage[])[]): string[][] {
  return rounds.map((round) => round.map(({ id }) => id));
}

describe('the rounds of a batch', () => {
  it('are one for messages of different keys', () => {
    const batch = ['a1', 'b1', 'c1'].map((id) => message(id));
    assert.deepEqual(ids(publishRounds(batch, 100)), [['a1', 'b1', 'c1']]);
  });

  it('let a key wait for each of its messages, and no other key', () => {
    const batch = ['a1', 'a2', 'b1', 'a3', 'b2'].map((id) => message(id));
    assert.deepEqual(ids(publishRounds(batch, 100)), [['a1', 'b1'], ['a2', 'b2'], ['a3']]);
  });

  it('hold a bounded number of bytes, but at least one message', () => {
    const batch = ['a1', 'b1', 'c1'].map((id) => message(id, 'x'.repeat(40)));
    assert.deepEqual(ids(publishRounds(batch, 100)), [['a1', 'b1'], ['c1']]);
    assert.deepEqual(ids(publishRounds(batch, 10)), [['a1'], ['b1'], ['c1']]);
  });

  it('are none for an empty batch', () => {
    assert.deepEqual(publishRounds([], 100), []);
  });
});

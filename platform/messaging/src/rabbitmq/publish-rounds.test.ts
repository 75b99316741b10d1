import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OutgoingMessage } from '../transport.ts';
import { publishRounds } from './publish-rounds.ts';

function message(id: string, mandatory = false, body = ''): OutgoingMessage {
  return { id, type: 'x.done.v1', key: id.charAt(0), body, mandatory };
}

function ids(rounds: readonly (readonly OutgoingMessage[])[]): string[][] {
  return rounds.map((round) => round.map(({ id }) => id));
}

describe('the rounds of a batch', () => {
  it('are one when nothing can be returned', () => {
    assert.deepEqual(
      ids(
        publishRounds(
          ['a1', 'b1', 'a2'].map((id) => message(id)),
          100,
        ),
      ),
      [['a1', 'b1', 'a2']],
    );
  });

  it('let a key wait for each of its mandatory messages, and no other key', () => {
    const batch = [message('a1', true), message('a2'), message('b1'), message('a3', true), message('a4')];
    assert.deepEqual(ids(publishRounds(batch, 100)), [['a1', 'b1'], ['a2', 'a3'], ['a4']]);
  });

  it('hold a bounded number of bytes, but at least one message', () => {
    const batch = ['a1', 'a2', 'a3'].map((id) => message(id, false, 'x'.repeat(40)));
    assert.deepEqual(ids(publishRounds(batch, 100)), [['a1', 'a2'], ['a3']]);
    assert.deepEqual(ids(publishRounds(batch, 10)), [['a1'], ['a2'], ['a3']]);
  });

  it('are none for an empty batch', () => {
    assert.deepEqual(publishRounds([], 100), []);
  });
});

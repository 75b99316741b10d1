import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDelayedMover } from './delayed-mover.ts';

describe('the mover of delayed messages', () => {
  function moverOf(...answers: readonly { readonly moved: number; readonly nextInMs: number | null }[]) {
    let round = 0;
    let moves = 0;
    const move = createDelayedMover(
      { moveDue: async () => answers[round++] ?? { moved: 0, nextInMs: null } },
      () => {
        moves += 1;
      },
    );
    return { move, moves: () => moves };
  }

  it('goes on while it moves, then rests until the next is due', async () => {
    const { move, moves } = moverOf(
      { moved: 500, nextInMs: 0 },
      { moved: 2, nextInMs: 70 },
      { moved: 0, nextInMs: 69 },
    );
    assert.equal(await move(), true);
    assert.equal(await move(), true);
    assert.equal(moves(), 2);
    assert.deepEqual(await move(), { dueInMs: 69 });
    assert.equal(moves(), 2);
  });

  it('looks again soon for what another relay took when it was due: that one may end before it has moved it', async () => {
    const { move } = moverOf(
      { moved: 0, nextInMs: 10 },
      { moved: 0, nextInMs: null },
      { moved: 0, nextInMs: null },
    );
    assert.deepEqual(await move(), { dueInMs: 10 });
    assert.equal(await move(), false);
    assert.deepEqual(await move(), { dueInMs: null });
  });
});

import { crashPoint, type Rest } from '@flotilla/kernel';
import type { OutboxStore } from './outbox-store.ts';

/** Rounds of moving delayed messages that are due to where they are sent from. `onMoved`: there is something to send. */
export function createDelayedMover(
  store: Pick<OutboxStore, 'moveDue'>,
  onMoved: () => void,
): () => Promise<boolean | Rest> {
  let mayBeDue = false;
  return async () => {
    crashPoint('relay.before-delayed-move');
    const { moved, nextInMs } = await store.moveDue();
    crashPoint('relay.after-delayed-move');
    if (moved > 0) onMoved();
    // Another relay has taken what was due, and may end before it has moved it.
    const isTaken = mayBeDue && moved === 0 && nextInMs === null;
    mayBeDue = nextInMs !== null;
    return isTaken ? false : moved > 0 || { dueInMs: nextInMs };
  };
}

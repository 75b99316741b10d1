import type { Invocation } from '../command-line/command.ts';
import type { KnownQueue } from './open-queues.ts';
import { messagesOf } from './queue-view.ts';

/**
 * Says in one line which queues nobody will consume: their services are not configured any more. Nobody waits for it, and
 * where it cannot be known now, `flotilla queue list` says why.
 */
export async function tellGoneQueues(invocation: Invocation, say: (line: string) => void): Promise<void> {
  const { withQueues } = await import('./open-queues.ts');
  const queues = await withQueues(invocation, ({ list }) => list()).catch(() => []);
  const gone = queues.filter(({ state }) => state === 'gone');
  if (gone.length > 0)
    say(
      `No such service is configured any more: ${gone.map(described).join(', ')}. See: flotilla queue list`,
    );
}

function described(one: KnownQueue): string {
  return `queue ${one.queue} with ${messagesOf(one)}`;
}

import { duration } from '../screen/duration.ts';
import { table } from '../screen/table.ts';
import type { KnownQueue } from './open-queues.ts';

const HEAD = ['QUEUE', 'SUBSCRIBER', 'MESSAGES', 'OLDEST', 'CONSUMERS', 'STATE'];

export function queueTable(queues: readonly KnownQueue[]): string {
  if (queues.length === 0) return 'There are no queues.';
  const rows = queues.map((one) => [
    one.queue,
    one.subscriber,
    countOf(one),
    one.oldestAgeSeconds === undefined || one.messages === 0 ? '-' : duration(one.oldestAgeSeconds),
    String(one.consumers),
    one.state,
  ]);
  return table([HEAD, ...rows]);
}

function countOf({ messages, isEstimate }: Pick<KnownQueue, 'messages' | 'isEstimate'>): string {
  return isEstimate ? `about ${messages}` : String(messages);
}

export function messagesOf(counted: Pick<KnownQueue, 'messages' | 'isEstimate'>): string {
  return `${countOf(counted)} ${counted.messages === 1 ? 'message' : 'messages'}`;
}

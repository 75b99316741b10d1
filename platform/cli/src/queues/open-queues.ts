import { createQueues, type QueueStatus, type Queues } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import type { Invocation } from '../command-line/command.ts';
import { placeOf } from '../command-line/place.ts';
import { BUS_DATABASE } from '../config.ts';
import { connectControl } from '../control/client.ts';
import { readMark } from '../data-dir/data-dir-mark.ts';
import { findRoot, loadSystem } from '../load-system.ts';
import { subscribersOf } from './subscribers.ts';

/** `gone`: no service of that name is configured. `idle`: one is, but no consumer of the queue lives. */
export type QueueState = 'live' | 'idle' | 'gone';

export interface KnownQueue extends QueueStatus {
  /** The service whose queue it is: `<service>` or `<service>.<purpose>`. */
  readonly subscriber: string;
  readonly state: QueueState;
}

export interface OpenQueues {
  list(): Promise<readonly KnownQueue[]>;
  readonly drop: Queues['drop'];
}

/** Works on the queues of the running system, wherever they are. */
export async function withQueues<T>(
  invocation: Pick<Invocation, 'cwd' | 'env' | 'values' | 'positionals'>,
  work: (queues: OpenQueues) => Promise<T>,
): Promise<T> {
  const dataDir = placeOf(invocation);
  const control = connectControl(dataDir);
  const { url } = await control.broker();
  const subscribers = subscribersOf(await loadSystem(findRoot(invocation.cwd)));
  const uri = await control.databaseUri(BUS_DATABASE, true);
  const db = createDatabase({ uri, applicationName: 'flotilla-cli', maxConnections: 1 });
  const open = (queues: Queues): OpenQueues => ({
    list: async () => (await queues.list()).map((status) => known(status, subscribers)),
    drop: queues.drop,
  });
  try {
    if (url === null) return await work(open(createQueues(db)));
    const { createRabbitmqQueues } = await import('@flotilla/messaging/rabbitmq/queues');
    const names = [...new Set([...subscribers, ...((await readMark(dataDir))?.subscribers ?? [])])].sort();
    const queues = createRabbitmqQueues({ url, names, bus: db, clientName: 'flotilla-cli' });
    return await work(open(queues)).finally(queues.close);
  } finally {
    await db.close();
  }
}

function known(status: QueueStatus, subscribers: readonly string[]): KnownQueue {
  const [subscriber = status.queue] = status.queue.split('.');
  return { ...status, subscriber, state: stateOf(status, subscribers.includes(subscriber)) };
}

function stateOf({ consumers }: QueueStatus, isConfigured: boolean): QueueState {
  if (!isConfigured) return 'gone';
  return consumers > 0 ? 'live' : 'idle';
}

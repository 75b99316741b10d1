import { systemClock } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { type Queues, recordDrop } from '../queues.ts';
import { SHARDS } from '../shard.ts';
import { readBacklog } from './backlog.ts';
import { keepBrokerConnection } from './broker-connection.ts';
import { parseBrokerUrl } from './broker-url.ts';
import { onOwnChannel } from './declare.ts';
import { deadLetterExchange, deadLetterQueue, shardQueue } from './topology.ts';

export interface RabbitmqQueuesOptions {
  /** `amqp://user:password@host:5672/vhost`, or `amqps://…`. It is never logged. */
  readonly url: string;
  /** Of the queues that there may be: the broker's protocol cannot list them. */
  readonly names: readonly string[];
  /** The database `bus`: what is done is recorded there as well. */
  readonly bus: Queryable;
  /** Shown in the broker's list of connections. */
  readonly clientName: string;
}

const WAIT_MS = 10_000;

/** The queues in RabbitMQ, for a user that may configure them. Connects lazily. */
export function createRabbitmqQueues(options: RabbitmqQueuesOptions): Queues & { close(): Promise<void> } {
  const { names, bus } = options;
  const connection = keepBrokerConnection({
    ...{ url: parseBrokerUrl(options.url), name: 'operator', clientName: options.clientName },
    ...{ heartbeatSeconds: 10, clock: systemClock, logger: silentLogger, metrics: createMetrics() },
  });
  const open = () => connection.open(WAIT_MS);
  const shards = Array.from({ length: SHARDS }, (_, shard) => shard);

  return {
    list: async () => {
      const model = await open();
      const found = await Promise.all(names.map((name) => readBacklog(model, name)));
      return found.flatMap((one) => one ?? []);
    },
    drop: async (queue, { by, reason, force = false }) => {
      const model = await open();
      const found = await readBacklog(model, queue);
      if (found === undefined) return { kind: 'unknown' };
      if (found.consumers > 0 && !force) return { kind: 'in-use' };
      await recordDrop(bus, found, { by, reason, force });
      await onOwnChannel(model, async (channel) => {
        // With its exchange go the subscriptions. What is not there counts as deleted; the queue that shows that the
        // others may be there is the last one.
        await channel.deleteExchange(queue);
        for (const shard of shards) await channel.deleteQueue(shardQueue(queue, shard));
        await channel.deleteExchange(deadLetterExchange(queue));
        await channel.deleteQueue(deadLetterQueue(queue));
      });
      return { kind: 'dropped', messages: found.messages, isEstimate: false };
    },
    close: connection.close,
  };
}

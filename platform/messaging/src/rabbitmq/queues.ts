import { systemClock } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { type Queues, recordDrop } from '../bus/queues.ts';
import { keepBrokerConnection } from './connection/broker-connection.ts';
import { parseBrokerUrl } from './connection/broker-url.ts';
import { readBacklog } from './consume/backlog.ts';
import { onOwnChannel } from './topology/declare.ts';
import { namesOfQueue } from './topology/topology.ts';

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
      const own = namesOfQueue(queue);
      await onOwnChannel(model, async (channel) => {
        // With its exchange go the subscriptions. What is not there counts as deleted; the dead-letter queue, which shows
        // that the others may be there, is the last one.
        for (const name of own.exchanges) await channel.deleteExchange(name);
        for (const name of own.queues.toReversed()) await channel.deleteQueue(name);
      });
      return { kind: 'dropped', messages: found.messages, isEstimate: false };
    },
    close: connection.close,
  };
}

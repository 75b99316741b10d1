import { type Clock, type Loop, startLoop, systemClock, within } from '@flotilla/kernel';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { BACKLOG_INTERVAL_MS, type BacklogLimits, watchBacklogs } from '../bus/backlog-watch.ts';
import { SHARDS } from '../bus/shard.ts';
import { messagingError } from '../errors.ts';
import type { ReceiveOptions, Transport } from '../transport.ts';
import { type BrokerConnection, keepBrokerConnection } from './connection/broker-connection.ts';
import { parseBrokerUrl } from './connection/broker-url.ts';
import { readBacklog } from './consume/backlog.ts';
import { watchNotices } from './consume/notices.ts';
import { startRabbitmqReceiver } from './consume/receiver.ts';
import { createPublisher, type Publish } from './publish/publisher.ts';
import { watchUnrouted } from './publish/unrouted-gauge.ts';
import { onOwnChannel } from './topology/declare.ts';
import { createQueueDeclarer } from './topology/queue-declarer.ts';
import { NO_DELIVERY_LIMIT, topologyOfQueue } from './topology/topology.ts';

export interface RabbitmqTransportOptions {
  /** `amqp://user:password@host:5672/vhost`, or `amqps://…`. It is never logged. */
  readonly url: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  /**
   * Shown in the broker's list of connections. Default `flotilla`. Where it is the user of the URL too, each service has a user of its
   * own, and the broker proves who published what.
   */
  readonly clientName?: string;
  /**
   * Queues that a consumer's messages are spread over by key, 1 to 16: as many processes have work at once. All that
   * use a queue must agree; another number is a drift. Default 4.
   */
  readonly shardsPerQueue?: number;
  /**
   * Deliveries of one message that end without an acknowledgement before the broker gives it up, whether it is to blame
   * or was only prefetched. Default none: suspects are tried alone. A queue that exists keeps the limit it has.
   */
  readonly deliveryLimit?: number;
  /** How often a consumer counts its processes; a shard moves after two counts that agree. Default 5,000 ms. */
  readonly balanceIntervalMs?: number;
  /** How long a call waits for the broker: to be there, to take messages, to confirm. Default 10,000 ms. */
  readonly waitMs?: number;
  /** A peer that is silent for two of these is gone. Default 10 s. */
  readonly heartbeatSeconds?: number;
  /** When a queue that this process consumes is worth a warning. */
  readonly backlogLimits?: BacklogLimits | undefined;
}

/** Queues in RabbitMQ 3.10 or newer. Connects lazily, one connection for each direction; reconnects by itself. */
export function createRabbitmqTransport(options: RabbitmqTransportOptions): Transport {
  const { logger, metrics, clock = systemClock, waitMs = 10_000, heartbeatSeconds = 10 } = options;
  const url = parseBrokerUrl(options.url);
  const shape = {
    shards: options.shardsPerQueue ?? 4,
    deliveryLimit: options.deliveryLimit ?? NO_DELIVERY_LIMIT,
  };
  assertWithin('shardsPerQueue', shape.shards, 1, SHARDS);
  assertWithin('deliveryLimit', shape.deliveryLimit, 1, NO_DELIVERY_LIMIT);
  const clientName = options.clientName ?? 'flotilla';
  const userId = url.connect.username ?? '';
  const declarer = createQueueDeclarer({ shape, isLimitAsked: options.deliveryLimit !== undefined, logger });
  let publishing:
    | { readonly connection: BrokerConnection; readonly publish: Publish; readonly gauge: Loop }
    | undefined;
  let consuming: BrokerConnection | undefined;

  function connect(name: string): BrokerConnection {
    return keepBrokerConnection({ url, name, clientName, heartbeatSeconds, clock, logger, metrics });
  }

  function publisher() {
    if (publishing === undefined) {
      const connection = connect('publish');
      const publish = createPublisher({ connection, userId, waitMs, clock, logger, metrics });
      publishing = { connection, publish, gauge: watchUnrouted(connection, { metrics, clock, logger }) };
    }
    return publishing;
  }

  function consumeConnection(): BrokerConnection {
    consuming ??= connect('consume');
    return consuming;
  }

  const observe = watchBacklogs({ limits: options.backlogLimits, metrics, logger });
  let meter: Loop | undefined;

  /** The broker does not say which other queues it has: each is measured by those that consume it. */
  async function measure(): Promise<boolean> {
    const model = consuming?.current();
    if (model === undefined) return false;
    const found = await Promise.all(
      declarer.queues().map((queue) => readBacklog(model, queue, shape.shards)),
    );
    observe(found.flatMap((one) => one ?? []));
    return false;
  }

  return {
    subscribe: async (queue, types) => {
      topologyOfQueue(queue, shape);
      const model = await consumeConnection().open(waitMs);
      declarer.add(queue, types);
      await declarer.declare(model, queue);
      meter ??= startLoop({
        ...{ name: 'rabbitmq-queues', intervalMs: BACKLOG_INTERVAL_MS, clock, logger },
        run: measure,
      });
    },
    publish: (messages) => publisher().publish(messages),
    receive: (queue, receive) =>
      startRabbitmqReceiver({
        connection: consumeConnection(),
        queue,
        shards: shape.shards,
        balanceIntervalMs: options.balanceIntervalMs ?? 5_000,
        declare: (model) => declarer.declare(model, queue),
        receive: userId === clientName ? receive : withoutSenders(receive),
        clock,
        logger,
        metrics,
      }),
    watch: (watch) => watchNotices({ connection: consumeConnection(), waitMs, clock, logger }, watch),
    ping: async () => {
      const model = await publisher().connection.open(waitMs);
      const answered = await within(waitMs, () => onOwnChannel(model, async () => true)).catch(() => false);
      if (!answered)
        throw messagingError('MESSAGING_UNAVAILABLE', `RabbitMQ at ${url.shown} does not answer`);
    },
    close: async () => {
      await Promise.all([publishing?.gauge.stop(), meter?.stop()]);
      await Promise.all([publishing?.connection.close(), consuming?.close()]);
    },
  };
}

/** Where services share a user of the broker, it says nothing about which of them it was. */
function withoutSenders(receive: ReceiveOptions): ReceiveOptions {
  return {
    ...receive,
    handle: (deliveries) => receive.handle(deliveries.map(({ sender: _shared, ...delivery }) => delivery)),
  };
}

function assertWithin(option: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${option} must be a whole number from ${min} to ${max}, got ${value}`);
}

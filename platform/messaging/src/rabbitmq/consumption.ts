import { type Clock, uuidv7 } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Delivery } from '../transport.ts';
import type { Returnable } from './survivors.ts';
import { deadLetterQueue, shardQueue } from './topology.ts';
import { readDelivery, reasonOfDeath } from './wire.ts';
import { within } from './within.ts';

export interface BrokerDelivery extends Delivery, Returnable {
  readonly consumption: Consumption;
  readonly message: ConsumeMessage;
}

/** One channel that consumes from all shards of a queue, until it is lost or closed; then its deliveries are void. */
export interface Consumption {
  acknowledge(message: ConsumeMessage): void;
  /** Gives back what is not acknowledged. */
  close(clock: Clock): Promise<void>;
}

export interface ConsumptionOptions {
  readonly queue: string;
  readonly shards: number;
  /** Unacknowledged deliveries of each shard. */
  readonly prefetch: number;
  readonly logger: Logger;
  readonly opened: (consumption: Consumption) => void;
  readonly arrived: (delivery: Omit<BrokerDelivery, 'suspect'>) => void;
  readonly lost: (consumption: Consumption) => void;
}

const CLOSE_TIMEOUT_MS = 2_000;

/** Rejects when the broker refuses to let us consume. */
export async function openConsumption(model: ChannelModel, options: ConsumptionOptions): Promise<void> {
  const { queue, shards, prefetch, logger, opened, arrived, lost } = options;
  const channel = await model.createChannel();
  const name = uuidv7();
  const consumption: Consumption = {
    acknowledge: (message) => channel.ack(message),
    close: async (clock) => {
      await within(channel.close().catch(ignore), CLOSE_TIMEOUT_MS, clock);
    },
  };
  channel.on('error', (error) => logger.warn({ err: error }, 'the broker closed the channel of a queue'));
  channel.on('close', () => lost(consumption));

  function take(message: ConsumeMessage | null, isDead: boolean): void {
    if (message === null) {
      // The broker ended it, because the queue was deleted: everything is declared and opened anew.
      lost(consumption);
      channel.close().catch(ignore);
      return;
    }
    const id = `${name}-${message.fields.deliveryTag}`;
    const givenUp = isDead ? { givenUp: reasonOfDeath(message) } : {};
    arrived({ ...readDelivery(message), ...givenUp, id, message, consumption });
  }

  await channel.prefetch(prefetch);
  opened(consumption);
  for (let shard = 0; shard < shards; shard += 1) {
    await channel.consume(shardQueue(queue, shard), (message) => take(message, false));
  }
  await channel.consume(deadLetterQueue(queue), (message) => take(message, true));
}

const ignore = () => undefined;

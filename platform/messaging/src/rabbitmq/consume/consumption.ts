import { uuidv7, within } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Delivery } from '../../transport.ts';
import { readDelivery, reasonOfDeath } from '../wire.ts';
import type { Returnable } from './survivors.ts';

export interface BrokerDelivery extends Delivery, Returnable {
  readonly consumption: Consumption;
  readonly message: ConsumeMessage;
}

/** One channel that consumes from one queue, until it is lost or closed; then its deliveries are void. */
export interface Consumption {
  acknowledge(message: ConsumeMessage): void;
  /** Gives back what is not acknowledged. */
  close(): Promise<void>;
}

export interface ConsumptionOptions {
  /** The queue of a shard, or that of what the broker gave up. */
  readonly source: string;
  readonly isDead: boolean;
  /** Unacknowledged deliveries. */
  readonly prefetch: number;
  readonly logger: Logger;
  readonly opened: (consumption: Consumption) => void;
  readonly arrived: (delivery: Omit<BrokerDelivery, 'suspect'>) => void;
  readonly lost: (consumption: Consumption) => void;
}

const CLOSE_TIMEOUT_MS = 2_000;

/** Rejects when the broker refuses to let us consume. */
export async function openConsumption(model: ChannelModel, options: ConsumptionOptions): Promise<void> {
  const { source, isDead, prefetch, logger, opened, arrived, lost } = options;
  const channel = await model.createChannel();
  const name = uuidv7();
  let closed: Promise<unknown> | undefined;
  const consumption: Consumption = {
    acknowledge: (message) => channel.ack(message),
    close: async () => {
      closed ??= channel.close();
      const done = closed;
      await within(CLOSE_TIMEOUT_MS, () => done).catch(ignore);
    },
  };
  channel.on('error', (error) => logger.warn({ err: error }, 'the broker closed the channel of a queue'));
  channel.on('close', () => lost(consumption));

  function take(message: ConsumeMessage | null): void {
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
  await channel.consume(source, take);
}

const ignore = () => undefined;

import type { Logger } from '@flotilla/telemetry';
import type { ChannelModel } from 'amqplib';
import { declareTopology } from './declare.ts';
import { limitFound } from './drift.ts';
import {
  NO_DELIVERY_LIMIT,
  type QueueShape,
  topologyOfQueue,
  topologyOfSubscription,
  withLimits,
} from './topology.ts';

export interface QueueDeclarerOptions {
  readonly shape: QueueShape;
  /** A limit that was asked for must be there; without one a queue that exists keeps the limit it has. */
  readonly isLimitAsked: boolean;
  readonly logger: Logger;
}

/** Queues of this process with what they subscribe to. */
export interface QueueDeclarer {
  queues(): readonly string[];
  add(queue: string, types: readonly string[]): void;
  /** At each connection: what is there already stays as it is. */
  declare(model: ChannelModel, queue: string): Promise<void>;
}

export function createQueueDeclarer({ shape, isLimitAsked, logger }: QueueDeclarerOptions): QueueDeclarer {
  const subscriptions = new Map<string, ReadonlySet<string>>();
  // Of queues that were declared with a limit before there was none: it cannot be changed while they exist.
  const formerLimits = new Map<string, number>();

  const typesOf = (queue: string) => [...(subscriptions.get(queue) ?? [])];

  /** Is it worth another try, with the limit that is there? */
  function adoptLimit(error: unknown): boolean {
    const found = isLimitAsked ? undefined : limitFound(error);
    if (found === undefined || formerLimits.get(found.name) === found.limit) return false;
    formerLimits.set(found.name, found.limit);
    const facts = { queue: found.name, deliveryLimit: found.limit };
    if (found.limit !== NO_DELIVERY_LIMIT) logger.warn(facts, LIMITED);
    return true;
  }

  async function declareQueue(model: ChannelModel, queue: string): Promise<void> {
    try {
      await declareTopology(model, withLimits(topologyOfQueue(queue, shape), formerLimits));
    } catch (error) {
      if (!adoptLimit(error)) throw error;
      await declareQueue(model, queue);
    }
  }

  return {
    queues: () => [...subscriptions.keys()],
    add: (queue, types) => {
      subscriptions.set(queue, new Set([...typesOf(queue), ...types]));
    },
    declare: async (model, queue) => {
      await declareQueue(model, queue);
      await declareTopology(model, topologyOfSubscription(queue, typesOf(queue)));
    },
  };
}

const LIMITED = 'the queue has a delivery limit: the broker may give up messages that are not to blame';

import type { ChannelModel } from 'amqplib';
import type { QueueStatus } from '../../bus/queues.ts';
import { SHARDS } from '../../bus/shard.ts';
import { replyCode } from '../connection/reply-code.ts';
import { onOwnChannel } from '../topology/declare.ts';
import { deadLetterQueue, shardQueue } from '../topology/topology.ts';

const NOT_FOUND = 404;

/** A passive declaration; `undefined` when there is no such queue. */
export async function lookAt(model: ChannelModel, source: string) {
  try {
    return await onOwnChannel(model, (channel) => channel.checkQueue(source));
  } catch (error) {
    if (replyCode(error) === NOT_FOUND) return undefined;
    throw error;
  }
}

/**
 * What waits in a queue, by passive declarations; `undefined` when there is no such queue. Without a number of shards
 * those that exist are looked for. What consumers hold does not count, and how old the oldest is cannot be known without
 * taking it out.
 */
export async function readBacklog(
  model: ChannelModel,
  queue: string,
  shards?: number,
): Promise<QueueStatus | undefined> {
  // Every consuming process consumes it, and it is deleted last.
  const dead = await lookAt(model, deadLetterQueue(queue));
  if (dead === undefined) return undefined;
  let messages = dead.messageCount;
  for (let shard = 0; shard < (shards ?? SHARDS); shard += 1) {
    const found = await lookAt(model, shardQueue(queue, shard));
    if (found === undefined) break;
    messages += found.messageCount;
  }
  return { queue, messages, isEstimate: false, oldestAgeSeconds: undefined, consumers: dead.consumerCount };
}

import type { Logger } from '@flotilla/telemetry';
import type { ChannelModel } from 'amqplib';
import { isStray } from '../wire.ts';
import type { Arrivals } from './arrivals.ts';
import { type BrokerDelivery, type Consumption, openConsumption } from './consumption.ts';
import type { Part } from './part.ts';

export interface PartChannelsOptions {
  readonly parts: readonly Part[];
  readonly arrivals: Arrivals;
  /** Unacknowledged deliveries of one channel. */
  readonly prefetch: number;
  /** The connection that there is now. */
  readonly model: () => ChannelModel | undefined;
  /** A channel was closed by us: it is to be opened again. */
  readonly onClosed: () => void;
  /** A channel is lost otherwise. */
  readonly onLost: () => void;
  /** A message was found that no queue was bound for. */
  readonly onStray: () => void;
  readonly closing: AbortSignal;
  readonly logger: Logger;
}

/**
 * A channel for each part of a queue. The states of a part:
 *
 *     waiting → active             something was delivered
 *     waiting, active → leaving    it is left to another process: what runs of it is finished
 *     leaving → closing            nothing of it is in work any more
 *     waiting, active → closing    nothing was heard through it: opened anew
 *     any → waiting                the channel is closed or lost, and opened again, at the end of the line
 */
export interface PartChannels {
  /** Opens those that have none. Rejects when the broker refuses to let us consume. */
  open(model: ChannelModel): Promise<void>;
  /** From now on it counts what comes through. */
  beginListening(): void;
  /**
   * When a queue is deleted and declared again in one go, the broker often cancels nothing: it lists the consumer with
   * the new queue, gives it messages and sends none. So who has heard nothing since the last look asks anew; what the
   * broker had given comes then, in order. To one that only had nothing to hear it makes no difference.
   */
  openSilentAnew(): void;
  leaveToOthers(parts: readonly Part[]): void;
  /** Closes those that are left, as soon as nothing of them is in work. */
  closeLeft(): void;
  /**
   * Not by `basic.cancel`: the broker would activate the next consumer at once, which then runs ahead of what we still
   * hold. Closing a channel gives everything back first, in order.
   */
  close(): Promise<void>;
}

export function createPartChannels(options: PartChannelsOptions): PartChannels {
  const { parts, arrivals, prefetch, closing, logger } = options;

  function openOn(model: ChannelModel, part: Part): Promise<void> {
    return openConsumption(model, {
      ...{ source: part.source, isDead: part.isDead, prefetch, logger },
      opened: (consumption) => {
        part.live = consumption;
        part.state = 'waiting';
      },
      arrived: (delivery) => arrived(options, part, delivery),
      lost: (consumption) => lost(part, consumption),
    });
  }

  function lost(part: Part, consumption: Consumption): void {
    if (part.live !== consumption) return;
    const isOnPurpose = closing.aborted || part.state === 'closing';
    part.live = undefined;
    part.state = 'waiting';
    arrivals.forget(part, consumption);
    if (isOnPurpose) {
      if (!closing.aborted) options.onClosed();
      return;
    }
    const facts = { source: part.source };
    logger.warn(facts, 'the channel to the queue is lost, what was not acknowledged comes again');
    options.onLost();
  }

  /** The new one first, where several may consume: whoever counts the processes always finds this one. */
  async function replace(part: Part, former: Consumption): Promise<void> {
    const model = options.model();
    if (model === undefined) return;
    // One that the broker refuses is closed by it, and opened again like any that is lost.
    await openOn(model, part).catch((err: unknown) => logger.debug({ err }, 'the queue cannot be consumed'));
    await former.close();
  }

  function closeLeft(): void {
    for (const part of parts) {
      if (part.state !== 'leaving' || arrivals.isInWork(part)) continue;
      beginClosing(part);
    }
  }

  function beginClosing(part: Part): void {
    part.state = 'closing';
    void part.live?.close();
  }

  return {
    open: async (model) => {
      for (const part of parts) if (!part.live) await openOn(model, part);
    },
    beginListening: () => {
      for (const part of parts) part.wasHeard = false;
    },
    openSilentAnew: () => {
      const holders = arrivals.holders();
      for (const part of parts) {
        const isSilent = !part.wasHeard && !holders.has(part);
        part.wasHeard = false;
        if (!isSilent || part.live === undefined || part.state === 'leaving') continue;
        if (part.isDead) void replace(part, part.live);
        else beginClosing(part);
      }
    },
    leaveToOthers: (surplus) => {
      for (const part of surplus) part.state = 'leaving';
      arrivals.stopLeft();
      closeLeft();
    },
    closeLeft,
    close: async () => {
      await Promise.all(parts.map((part) => part.live?.close()));
    },
  };
}

function arrived(
  { arrivals, onStray }: PartChannelsOptions,
  part: Part,
  delivery: Omit<BrokerDelivery, 'suspect'>,
): void {
  if (delivery.consumption !== part.live) return;
  part.wasHeard = true;
  if (part.isDead && isStray(delivery.message)) onStray();
  if (part.state === 'waiting' && !part.isDead) part.state = 'active';
  arrivals.add(part, delivery);
}

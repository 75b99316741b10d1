import { type Clock, crashPoint, pause } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { createDispatcher, type Dispatcher } from '../../bus/dispatcher.ts';
import type { Delivery, ReceiveOptions } from '../../transport.ts';
import type { BrokerDelivery, Consumption } from './consumption.ts';
import type { Part } from './part.ts';

interface PartDelivery extends BrokerDelivery {
  readonly part: Part;
}

export interface ArrivalsOptions {
  readonly receive: ReceiveOptions;
  /** Deliveries at once, of all parts together. */
  readonly capacity: number;
  readonly onSettled: () => void;
  readonly closing: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the broker has delivered and we have not acknowledged, in order. The dispatcher runs it. */
export interface Arrivals {
  add(part: Part, delivery: Omit<BrokerDelivery, 'suspect'>): void;
  /** A channel is lost: all that came through it is void, and the broker delivers it again. */
  forget(part: Part, consumption: Consumption): void;
  /** Starts nothing more of the parts that are left to others. */
  stopLeft(): void;
  /** Parts of which something is not acknowledged. */
  holders(): ReadonlySet<Part>;
  /** Is something of it waiting or running? */
  isInWork(part: Part): boolean;
  drain(): Promise<void>;
}

/** What was released rests this long before it is offered again. */
const RELEASE_PAUSE_MS = 100;

const isLive = ({ part, consumption }: PartDelivery) => part.live === consumption;
const mayStart = ({ part }: PartDelivery) => part.state !== 'leaving' && part.state !== 'closing';

export function createArrivals(options: ArrivalsOptions): Arrivals {
  const { receive, capacity, onSettled, closing, clock, logger } = options;
  const unacknowledged = new Map<string, PartDelivery>();
  const resting = new Set<string>();
  let isOffering = false;

  const dispatcher: Dispatcher<PartDelivery> = createDispatcher<PartDelivery>({
    ...receive,
    handle,
    // What the broker has sent is here already: only it could hold back by bytes, and quorum queues do not.
    capacity: { messages: capacity, bytes: Number.POSITIVE_INFINITY },
    clock,
    logger,
    source: { owns: (delivery) => isLive(delivery) && mayStart(delivery), ack },
    onSettled: (gaveBack) => {
      onSettled();
      if (gaveBack) offerSoon();
    },
  });

  async function handle(deliveries: readonly Delivery[]) {
    const settlements = await receive.handle(deliveries);
    const released = deliveries.filter((_delivery, index) => settlements[index] !== 'done');
    if (released.length > 0) void rest(new Set(released.map(({ key }) => key)));
    return settlements;
  }

  async function rest(keys: ReadonlySet<string>): Promise<void> {
    for (const key of keys) resting.add(key);
    await pause(clock, RELEASE_PAUSE_MS, closing);
    for (const key of keys) resting.delete(key);
    offerSoon();
  }

  async function ack(deliveries: readonly PartDelivery[]): Promise<void> {
    crashPoint('rabbitmq.before-ack');
    for (const delivery of deliveries) {
      if (isLive(delivery)) delivery.consumption.acknowledge(delivery.message);
      unacknowledged.delete(delivery.id);
    }
    crashPoint('rabbitmq.after-ack');
  }

  /** Once for all that arrive in one go. */
  function offerSoon(): void {
    if (isOffering) return;
    isOffering = true;
    setImmediate(() => {
      isOffering = false;
      offer();
    });
  }

  function offer(): void {
    const held = new Set(dispatcher.beginFetch());
    const waiting = [...unacknowledged.values()].filter(
      (delivery) => !held.has(delivery) && !resting.has(delivery.key) && mayStart(delivery),
    );
    dispatcher.offer(waiting.slice(0, Math.max(0, dispatcher.room().messages)));
  }

  return {
    add: (part, delivery) => {
      const suspect = delivery.givenUp === undefined && part.survivors.isSuspect(delivery);
      unacknowledged.set(delivery.id, { ...delivery, suspect, part });
      offerSoon();
    },
    forget: (part, consumption) => {
      const gone = [...unacknowledged.values()].filter((delivery) => delivery.consumption === consumption);
      if (gone.length > 0) part.survivors.remember(gone);
      for (const { id } of gone) unacknowledged.delete(id);
      dispatcher.forgetLost();
    },
    stopLeft: dispatcher.forgetLost,
    holders: () => new Set([...unacknowledged.values()].map(({ part }) => part)),
    isInWork: (part) => dispatcher.holdsAny((held) => held.part === part),
    drain: dispatcher.drain,
  };
}

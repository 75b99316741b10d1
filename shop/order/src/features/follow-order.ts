import type { Clock } from '@flotilla/kernel';
import { isTerminal, type Order } from '../domain/order.ts';
import type { OrderStore } from '../order-store.ts';
import { viewOrder } from '../order-view.ts';
import type { OrderWatch } from '../order-watch.ts';

export interface FollowOrderDeps {
  readonly orders: Pick<OrderStore, 'find'>;
  readonly live: OrderWatch;
  readonly clock: Clock;
}

export interface FollowRequest {
  readonly orderId: string;
  readonly customerId: string;
  /** `id` of the last event that was read. What is none of ours counts as nothing read. */
  readonly last: string | undefined;
}

export type FollowOutcome =
  | { readonly kind: 'not-found' | 'too-many' | 'over' }
  | { readonly kind: 'events'; readonly events: AsyncIterable<string> };

/** Tabs of one customer, and all followers of one process: each looks at its order now and then. */
const MAX_PER_CUSTOMER = 6;
const MAX_IN_ALL = 300;
/** Something is said at least this often: whoever is between takes half a minute of silence for the end. */
const HEARTBEAT_MS = 15_000;
/** Then the reader comes back, maybe to a newer process, and is authenticated anew. */
const LONGEST_MS = 5 * 60_000;

/**
 * Events of one order as text for `text/event-stream`: its state now, each one that follows, and the end with the terminal one. An event's id is
 * how many steps the order had made, so that any replica can go on from it.
 */
export function createFollowOrder({ orders, live, clock }: FollowOrderDeps) {
  const followers = new Map<string, number>();
  let inAll = 0;

  /** `undefined` = there are too many. The function that comes back gives the place back, once. */
  function takePlace(customerId: string): (() => void) | undefined {
    const own = followers.get(customerId) ?? 0;
    if (own >= MAX_PER_CUSTOMER || inAll >= MAX_IN_ALL) return undefined;
    followers.set(customerId, own + 1);
    inAll += 1;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      inAll -= 1;
      const left = (followers.get(customerId) ?? 1) - 1;
      if (left === 0) followers.delete(customerId);
      else followers.set(customerId, left);
    };
  }

  async function* eventsOf(
    { orderId, customerId }: FollowRequest,
    after: number,
    signal: AbortSignal,
    leave: () => void,
  ): AsyncGenerator<string> {
    const endMs = clock.now().getTime() + LONGEST_MS;
    let seen = after;
    try {
      yield 'retry: 1000\n\n';
      while (!signal.aborted && clock.now().getTime() < endMs) {
        const order = await live.until(orderId, HEARTBEAT_MS, signal, async () => {
          const found = await orders.find(orderId, customerId);
          return found && found.history.length > seen ? found : undefined;
        });
        if (signal.aborted) return;
        if (order === undefined) {
          yield ': \n\n';
          continue;
        }
        seen = order.history.length;
        yield eventOf(order);
        if (isTerminal(order.status)) return;
      }
    } finally {
      leave();
    }
  }

  return async (request: FollowRequest, signal: AbortSignal): Promise<FollowOutcome> => {
    const order = await orders.find(request.orderId, request.customerId);
    if (order === undefined) return { kind: 'not-found' };
    const after = stepsIn(request.last);
    if (isTerminal(order.status) && after >= order.history.length) return { kind: 'over' };
    const leave = takePlace(request.customerId);
    if (leave === undefined) return { kind: 'too-many' };
    // Nobody may ever ask for the first event: the place is given back all the same.
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    return { kind: 'events', events: eventsOf(request, after, signal, leave) };
  };
}

function stepsIn(last: string | undefined): number {
  return last !== undefined && /^\d{1,3}$/.test(last) ? Number(last) : 0;
}

function eventOf(order: Order): string {
  return `id: ${order.history.length}\nevent: status\ndata: ${JSON.stringify(viewOrder(order))}\n\n`;
}

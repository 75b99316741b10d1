import { type Clock, crashPoint, isPlatformError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { canCancel, cancelled } from '../domain/moved-order.ts';
import type { LegacyOrders } from '../legacy-orders.ts';
import type { MovedOrder, MovedOrderStore } from '../moved-order-store.ts';
import type { MoveOrder } from './move-legacy-orders.ts';

export interface CancelMovedDeps {
  readonly legacy: LegacyOrders;
  readonly moved: MovedOrderStore;
  readonly moveOrder: MoveOrder;
  readonly settle: SettleCancellation;
  readonly clock: Clock;
  readonly logger: Logger;
}

export type CancelMovedOutcome =
  | { readonly kind: 'cancelled' | 'requested'; readonly order: MovedOrder }
  | { readonly kind: 'too-late' | 'not-found' };

const REASON = 'cancelled-by-customer';

/** Tells the monolith what was decided here, and then shows it. May be repeated. */
export function createSettleCancellation({ legacy, moved }: Pick<CancelMovedDeps, 'legacy' | 'moved'>) {
  return async ({ number, content, cancellation }: MovedOrder, signal: AbortSignal): Promise<void> => {
    if (cancellation === undefined) return;
    await legacy.settle(number, cancellation, signal);
    crashPoint('moved-cancel.before-shown');
    await moved.endCancelling(number, cancelled(content, cancellation.at, cancellation.reason));
    crashPoint('moved-cancel.after-shown');
  };
}

export type SettleCancellation = ReturnType<typeof createSettleCancellation>;

/**
 * Cancels an order of the monolith. One that has not been moved is moved first: nobody decides about an order that another
 * one may be deciding about. With the monolith away it is requested, and done by the next round of the move.
 */
export function createCancelMovedOrder(deps: CancelMovedDeps) {
  const { moved, moveOrder, settle, clock, logger } = deps;
  return async (number: number, customerId: string, signal: AbortSignal): Promise<CancelMovedOutcome> => {
    const find = () => moved.find(number, customerId);
    const order =
      (await find()) ?? ((await moveOrder(number, signal, customerId)) ? await find() : undefined);
    if (order === undefined) return { kind: 'not-found' };
    const decision = canCancel(order.content);
    if (!decision.ok) return { kind: 'too-late' };
    if (decision.value === 'already') return { kind: 'cancelled', order };
    await moved.beginCancelling(number, { at: clock.now(), reason: REASON });
    crashPoint('moved-cancel.after-decided');
    const decided = (await find()) ?? order;
    try {
      await settle(decided, signal);
    } catch (error) {
      if (!isPlatformError(error)) throw error;
      logger.warn({ number, err: error }, 'the monolith has not heard yet that an order is cancelled');
      return { kind: 'requested', order: decided };
    }
    return { kind: 'cancelled', order: (await find()) ?? decided };
  };
}

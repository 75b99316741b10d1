import type { Money } from '@flotilla/kernel';
import type { Address, Customer, OrderLine, PricedProduct } from './domain/order.ts';

/** How one step of an order ended. A fault is thrown and tried again; a refusal is final. */
export type StepAnswer<T> =
  | { readonly ok: true; readonly result: T }
  | { readonly ok: false; readonly reason: { readonly code: string } };

/** What the order process asks of the other services. Every operation is idempotent by the order's id. */
export interface Participants {
  lookUpProducts(ids: readonly string[], signal: AbortSignal): Promise<readonly PricedProduct[]>;
  reserveStock(orderId: string, lines: readonly OrderLine[], signal: AbortSignal): Promise<StepAnswer<null>>;
  /** Gives back what was reserved or taken, and refuses a reservation that arrives later. */
  releaseStock(orderId: string, signal: AbortSignal): Promise<void>;
  commitStock(orderId: string, signal: AbortSignal): Promise<StepAnswer<null>>;
  charge(
    orderId: string,
    charge: Charge,
    signal: AbortSignal,
  ): Promise<StepAnswer<{ readonly paymentId: string }>>;
  /** Gives back what was captured, and refuses a charge that arrives later. */
  refund(orderId: string, signal: AbortSignal): Promise<void>;
  ship(
    orderId: string,
    shipment: Shipment,
    signal: AbortSignal,
  ): Promise<StepAnswer<{ readonly shipmentId: string }>>;
}

export interface Charge {
  readonly amount: Money;
  readonly token: string;
  readonly customer: Customer;
}

export interface Shipment {
  readonly address: Address;
  readonly lines: readonly OrderLine[];
}

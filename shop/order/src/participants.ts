import type { Money, Result, Static } from '@flotilla/kernel';
import type { quoteRefusals, quoteSchema } from '@shop/contracts';
import type {
  Address,
  Customer,
  OrderLine,
  PricedItems,
  PricedProduct,
  PricingRejection,
  RequestedItem,
  UsedCoupon,
} from './domain/order.ts';

/** How one step of an order ended. A fault is thrown and tried again; a refusal is final. */
export type StepAnswer<T> =
  | { readonly ok: true; readonly result: T }
  | { readonly ok: false; readonly reason: { readonly code: string } };

/** What the order process asks of the other services. Every operation is idempotent by the order's id. */
export interface Participants {
  lookUpProducts(ids: readonly string[], signal: AbortSignal): Promise<readonly PricedProduct[]>;
  /** The quote of an order: the one the customer saw, if it still holds, or a new one with a coupon. */
  agreeOnPrice(asked: AskedPrice, signal: AbortSignal): Promise<Result<AgreedPrice, AgreementRejection>>;
  redeemCoupon(orderId: string, use: CouponUse, signal: AbortSignal): Promise<StepAnswer<null>>;
  /** Gives a use back, and refuses one that arrives later. */
  releaseCoupon(orderId: string, signal: AbortSignal): Promise<void>;
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

export interface AskedPrice {
  readonly customerId: string;
  readonly items: readonly RequestedItem[];
  readonly country: string;
  readonly quoteId?: string;
  readonly coupon?: string;
}

export type AgreedPrice = Required<PricedItems>;

export type AgreementRejection =
  | { readonly code: Exclude<(typeof quoteRefusals)[number], PricingRejection['code']> | 'quote-expired' }
  | { readonly code: 'quote-changed'; readonly quote: Static<typeof quoteSchema> }
  | PricingRejection;

export interface CouponUse extends UsedCoupon {
  readonly customerId: string;
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

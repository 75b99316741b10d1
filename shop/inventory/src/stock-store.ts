import type { Result } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import type { Reservation } from './domain/reservation.ts';
import type { Shortage, StockLine } from './domain/stock-line.ts';

export interface Stock {
  readonly onHand: number;
  /** Of these, promised to orders. */
  readonly reserved: number;
}

/** What may be done to the stock for one order, inside its transaction. Lines are merged and in product order. */
export interface OrderStock {
  find(): Promise<Reservation | undefined>;
  /** Reserves all lines or none until the time to live has passed. */
  hold(lines: readonly StockLine[], ttlSeconds: number): Promise<Shortage | undefined>;
  /** Turns what is held into a sale. */
  sell(lines: readonly StockLine[]): Promise<void>;
  /** Frees what is held; final. */
  giveBack(lines: readonly StockLine[]): Promise<void>;
  /** Takes a sale back; final. */
  takeBack(lines: readonly StockLine[]): Promise<void>;
  /** Ends the order without touching the stock, also one that was never seen; final. */
  bar(): Promise<void>;
}

export interface StockOfOrders {
  /**
   * Runs `work` as one commit; the commits of one order run one after another. `work` may only await what `stock` offers:
   * it runs again when another process was faster.
   */
  inOrder<T>(orderId: string, work: (stock: OrderStock) => Promise<T>): Promise<T>;
}

export interface StockStore extends StockOfOrders {
  /**
   * The stock of orders for a message that is handled in this transaction. In tables what is done commits with it; elsewhere
   * before it, and a handler that is repeated finds it done.
   */
  within(tx: Transaction): StockOfOrders;
  find(productId: string): Promise<Stock | undefined>;
  /** Sets the quantity on hand and records who did. */
  setOnHand(
    productId: string,
    onHand: number,
    actor: string,
  ): Promise<Result<Stock, 'product-not-found' | 'stock-reserved'>>;
  /** Frees up to `limit` overdue reservations; returns how many. */
  expireDue(limit: number): Promise<number>;
}

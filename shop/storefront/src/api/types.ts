import type { Static } from '@flotilla/kernel';
import type {
  addressSchema,
  cartSchema,
  listSessions,
  moneySchema,
  OrderStatus,
  orderSchema,
  productSchema,
  quoteSchema,
} from '@shop/contracts';

/** What the services answer, as they declare it themselves; nothing of them is part of the pages. */
export type Money = Static<typeof moneySchema>;
export type Product = Static<typeof productSchema>;
export type Cart = Static<typeof cartSchema>;
export type CartLine = Cart['items'][number];
export type Address = Static<typeof addressSchema>;
export type Quote = Static<typeof quoteSchema>;
export type Order = Static<typeof orderSchema>;
export type Session = Static<(typeof listSessions)['responses'][200]>['items'][number];
export type { OrderStatus };

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface Availability {
  readonly available: boolean;
  readonly currentStock: number;
}

export interface User {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

export interface SignedIn {
  readonly user: User;
  readonly logoutUrl?: string;
}

/** A part that failed is null and named in `degraded`. */
export interface Home {
  readonly user: User | null;
  readonly recentOrders: readonly Pick<Order, 'id' | 'status' | 'total'>[] | null;
  readonly featuredProducts: readonly Product[] | null;
  readonly recommendations: readonly Product[] | null;
  readonly degraded?: readonly string[];
}

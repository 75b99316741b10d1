import type { Static } from '@flotilla/kernel';
import type {
  addressSchema,
  cartSchema,
  getMe,
  getWebHome,
  listAddresses,
  listSessions,
  moneySchema,
  OrderStatus,
  orderSchema,
  productCardSchema,
  productSchema,
  quoteSchema,
  updateMe,
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
export type SavedAddress = Static<(typeof listAddresses)['responses'][200]>['items'][number];
export type Profile = Static<(typeof getMe)['responses'][200]>;
export type ProfileChange = Static<NonNullable<(typeof updateMe)['body']>>;
export type { OrderStatus };

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface Availability {
  readonly available: boolean;
  readonly currentStock: number;
}

/** What a visitor is called: whoever signs in without a name has none. */
export type User = NonNullable<Home['user']>;

export interface SignedIn {
  readonly user: User;
  readonly logoutUrl?: string;
}

/** A part that failed is null and named in `degraded`. */
export type Home = Static<(typeof getWebHome)['responses'][200]>;
export type ProductCard = Static<typeof productCardSchema>;

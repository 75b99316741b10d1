import type { Database, Transaction } from '@flotilla/postgres';
import type { CartItem, CartStore } from './cart-store.ts';

/** How the order of a checkout ended. */
export type CheckoutEnd = 'confirmed' | 'cancelled';

/** What a checkout meets when it begins. */
export type Begun =
  /** It is the open checkout of the cart, and orders these items under this key. */
  | { readonly kind: 'begun'; readonly orderKey: string; readonly items: readonly CartItem[] }
  /** There is nothing to order. */
  | { readonly kind: 'empty' }
  /** Another checkout of the cart is being answered. */
  | { readonly kind: 'busy' }
  /** Another checkout of the cart has become an order that had not ended when it was last heard of. */
  | { readonly kind: 'ordered'; readonly orderKey: string; readonly orderId: string };

/**
 * Checkouts by customer and Idempotency-Key. A cart has one open checkout, until its order has ended or nothing was
 * ordered. One whose request was never answered is taken over by the next checkout, under the key it had: whether it
 * became an order or not, there is no second one.
 */
export interface CheckoutStore {
  /**
   * A key that is known orders what it ordered first, otherwise the cart as it is now, which is recorded. For `askMs`
   * no other checkout of the cart takes over.
   */
  begin(customerId: string, key: string, askMs: number): Promise<Begun>;
  /** It became an order. */
  ordered(customerId: string, key: string, orderId: string): Promise<void>;
  /** What came of it is not known, and it is not being asked for any more. */
  leave(customerId: string, key: string): Promise<void>;
  /** The order service took nothing, so the next request with this key may order the cart anew. */
  refuse(customerId: string, key: string): Promise<void>;
  /** What it took over has become an order after all: that checkout is open again, and this one was not made. */
  giveBack(customerId: string, key: string, orderKey: string, orderId: string | undefined): Promise<void>;
  /** Records once how the order under a key ended; of a confirmed one what was bought is taken out of the cart. */
  end(
    tx: Transaction,
    order: { readonly customerId: string; readonly key: string; readonly items: readonly CartItem[] },
    end: CheckoutEnd,
  ): Promise<void>;
  /** Forgets checkouts older than this. */
  forget(days: number): Promise<void>;
}

const FIND = `
  UPDATE checkout SET asked_until = clock_timestamp() + $3 * interval '1 millisecond'
  WHERE customer_id = $1 AND idempotency_key = $2 AND state <> 'refused'
  RETURNING items, coalesce(order_key, idempotency_key) AS order_key`;

const FIND_OPEN = `
  SELECT idempotency_key, coalesce(order_key, idempotency_key) AS order_key, order_id,
    coalesce(asked_until > clock_timestamp(), false) AS busy
  FROM checkout WHERE customer_id = $1 AND state = 'open'`;

const REPLACE = `
  UPDATE checkout SET state = 'replaced' WHERE customer_id = $1 AND idempotency_key = $2`;

const RECORD = `
  INSERT INTO checkout (customer_id, idempotency_key, items, order_key, asked_until)
  VALUES ($1, $2, $3::jsonb, $4, clock_timestamp() + $5 * interval '1 millisecond')
  ON CONFLICT (customer_id, idempotency_key) DO UPDATE SET state = 'open', items = excluded.items,
    order_key = excluded.order_key, order_id = NULL, asked_until = excluded.asked_until`;

const ORDERED = `
  UPDATE checkout SET order_id = $3, asked_until = NULL
  WHERE customer_id = $1 AND idempotency_key = $2 AND state = 'open'`;

const LEAVE = `
  UPDATE checkout SET asked_until = NULL WHERE customer_id = $1 AND idempotency_key = $2 AND state = 'open'`;

const REFUSE = `
  UPDATE checkout SET state = 'refused', order_key = NULL
  WHERE customer_id = $1 AND idempotency_key = $2 AND state = 'open'`;

const REOPEN = `
  UPDATE checkout SET state = 'open', order_id = $3, asked_until = NULL
  WHERE customer_id = $1 AND idempotency_key = $2 AND state = 'replaced'`;

const END = `
  UPDATE checkout SET state = $3, ended_at = now()
  WHERE customer_id = $1 AND state IN ('open', 'refused', 'replaced')
    AND (idempotency_key = $2 AND order_key IS NULL OR order_key = $2) RETURNING state`;

export function createCheckoutStore(db: Database, carts: CartStore): CheckoutStore {
  return {
    begin: (customerId, key, askMs) =>
      db.transaction(async (tx) => {
        // The lock comes first: whoever waited here for a twin must see what the twin recorded.
        const items = await carts.lockItems(tx, customerId);
        const [known] = await tx.query<KnownRow>(FIND, [customerId, key, askMs]);
        if (known) return { kind: 'begun', orderKey: known.order_key, items: known.items };
        const [open] = await tx.query<OpenRow>(FIND_OPEN, [customerId]);
        const stands = open && standing(open);
        if (stands) return stands;
        if (items.length === 0) return { kind: 'empty' };
        if (open) await tx.query(REPLACE, [customerId, open.idempotency_key]);
        const orderKey = open?.order_key ?? key;
        const takenOver = orderKey === key ? null : orderKey;
        await tx.query(RECORD, [customerId, key, JSON.stringify(items), takenOver, askMs]);
        return { kind: 'begun', orderKey, items };
      }),
    ordered: async (customerId, key, orderId) => {
      await db.query(ORDERED, [customerId, key, orderId]);
    },
    leave: async (customerId, key) => {
      await db.query(LEAVE, [customerId, key]);
    },
    refuse: async (customerId, key) => {
      await db.query(REFUSE, [customerId, key]);
    },
    giveBack: (customerId, key, orderKey, orderId) =>
      db.transaction(async (tx) => {
        await carts.lockItems(tx, customerId);
        await tx.query(REFUSE, [customerId, key]);
        await tx.query(REOPEN, [customerId, orderKey, orderId ?? null]);
      }),
    end: async (tx, { customerId, key, items }, end) => {
      // As everywhere, the cart before its checkouts.
      await carts.lockItems(tx, customerId);
      const ended = await tx.query(END, [customerId, key, end]);
      if (ended.length > 0 && end === 'confirmed') await carts.takeOut(tx, customerId, items);
    },
    forget: async (days) => {
      await db.query("DELETE FROM checkout WHERE created_at < now() - $1 * interval '1 day'", [days]);
    },
  };
}

/** Why an open checkout cannot be taken over. */
function standing({ busy, order_key, order_id }: OpenRow): Begun | undefined {
  if (busy) return { kind: 'busy' };
  return order_id === null ? undefined : { kind: 'ordered', orderKey: order_key, orderId: order_id };
}

interface KnownRow {
  readonly items: readonly CartItem[];
  readonly order_key: string;
}

interface OpenRow {
  readonly idempotency_key: string;
  readonly order_key: string;
  readonly order_id: string | null;
  readonly busy: boolean;
}

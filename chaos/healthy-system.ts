import { fileURLToPath } from 'node:url';
import type { Database, MigrationSource } from '@flotilla/postgres';
import type { ClientRecord, DatabaseName } from './invariant.ts';

/**
 * What a whole system looks like after six orders that ended well: four led by a saga (one confirmed, one that could
 * not be shipped and was refunded, one that was out of stock, one whose payment was declined), two that ran by events
 * (one confirmed, one cancelled by its customer and refunded). For the checker's own tests.
 */
export const ORDER = {
  confirmed: '00000000-0000-7000-8000-00000000000a',
  refunded: '00000000-0000-7000-8000-00000000000b',
  outOfStock: '00000000-0000-7000-8000-00000000000c',
  declined: '00000000-0000-7000-8000-00000000000d',
  byEvents: '00000000-0000-7000-8000-00000000000e',
  cancelledByEvents: '00000000-0000-7000-8000-00000000000f',
} as const;

/** Somebody who has changed their name, and somebody who was erased. */
const RENAMED = '00000000-0000-7000-8000-000000000101';
export const ERASED = '00000000-0000-7000-8000-000000000102';

export const history: readonly ClientRecord[] = [
  { key: 'key-a', answers: [{ status: 201, orderId: ORDER.confirmed }] },
  { key: 'key-b', answers: [{ status: 202, orderId: ORDER.refunded }] },
  { key: 'key-c', answers: [{ status: 422, orderId: ORDER.outOfStock }] },
  { key: 'key-d', answers: [{ status: 422, orderId: ORDER.declined }] },
  { key: 'key-e', answers: [{ status: 201, orderId: ORDER.byEvents }] },
  { key: 'key-f', answers: [{ status: 202, orderId: ORDER.cancelledByEvents }] },
  { key: 'key-refused', answers: [{ status: 400, orderId: '' }] },
  { key: 'key-unanswered', answers: [] },
];

const folder = (name: string, path: string): MigrationSource => ({
  name,
  directory: fileURLToPath(new URL(`../${path}`, import.meta.url)),
});

const outbox = folder('outbox', 'platform/messaging/migrations/outbox');
const inbox = folder('inbox', 'platform/messaging/migrations/inbox');

export const migrations: Readonly<Record<DatabaseName, readonly MigrationSource[]>> = {
  order: [
    folder('event-store', 'platform/event-store/migrations'),
    folder('order', 'shop/order/migrations'),
    outbox,
    inbox,
    folder('saga', 'platform/saga/migrations'),
  ],
  inventory: [folder('inventory', 'shop/inventory/migrations'), outbox, inbox],
  pricing: [folder('pricing', 'shop/pricing/migrations'), outbox, inbox],
  payment: [folder('payment', 'shop/payment/migrations'), outbox, inbox],
  provider: [folder('payment-provider', 'shop/payment-provider/migrations')],
  shipping: [folder('shipping', 'shop/shipping/migrations'), outbox, inbox],
  cart: [folder('cart', 'shop/cart/migrations'), inbox],
  notification: [folder('notification', 'shop/notification/migrations'), inbox],
  identity: [
    folder('auth-provider', 'platform/auth/migrations'),
    folder('identity', 'shop/identity/migrations'),
    outbox,
    inbox,
  ],
  user: [folder('user', 'shop/user/migrations'), outbox, inbox, folder('saga', 'platform/saga/migrations')],
  legacy: [folder('legacy', 'shop/legacy/migrations')],
  recommendation: [
    folder('event-store', 'platform/event-store/migrations'),
    folder('recommendation', 'shop/recommendation/migrations'),
    inbox,
  ],
  bus: [folder('bus', 'platform/messaging/migrations/bus')],
};

/** What the order service does when an order is placed or moves on, without its help: an event, and what is shown of it. */
const ORDER_FUNCTIONS = `
  CREATE FUNCTION place(id uuid, customer text, key text, total integer, lines jsonb, agreement jsonb DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    SELECT append_events('order-' || id, 'order', 0, jsonb_build_array(jsonb_build_array('order-placed', 1,
      jsonb_strip_nulls(jsonb_build_object('agreement', agreement)) || jsonb_build_object('customer', jsonb_build_object('id', customer, 'email', customer || '@example.com'),
        'idempotencyKey', key, 'lines', lines, 'total', jsonb_build_object('amountMinor', total, 'currency', 'EUR'),
        'shippingAddress', '{}'::jsonb, 'at', '2026-11-25T12:00:00.000Z'))), NULL, NULL, NULL);
    INSERT INTO order_view_row (generation, id, customer_id, customer_email, idempotency_key, status, currency,
        total_minor, shipping_address, lines, agreement, history, created_at, updated_at)
      VALUES (1, id, customer, customer || '@example.com', key, 'Pending', 'EUR', total, '{}', lines, agreement,
        '[{"status": "Pending", "at": "2026-11-25T12:00:00.000Z"}]', '2026-11-25T12:00:00Z', '2026-11-25T12:00:00Z');
  $$;
  CREATE FUNCTION advance(of_id uuid, type text, to_status text, reason text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    SELECT append_events('order-' || of_id, 'order', NULL, jsonb_build_array(jsonb_build_array(type, 1,
      jsonb_strip_nulls(jsonb_build_object('at', '2026-11-25T12:00:01.000Z', 'reason', reason)))), NULL, NULL, NULL);
    UPDATE order_view_row SET status = to_status, cancellation_reason = reason, version = version + 1,
        updated_at = '2026-11-25T12:00:01Z',
        history = history || jsonb_build_array(jsonb_build_object('status', to_status, 'at', '2026-11-25T12:00:01.000Z'))
      WHERE id = of_id;
  $$;
`;

/** `A`…`F` stand for the ids of the six orders. */
const ROWS: Readonly<Record<DatabaseName, string>> = {
  order: `${ORDER_FUNCTIONS}
    SELECT place(A, 'alice', 'key-a', 2500, '[{"productId": "sku-1", "name": "One", "quantity": 2, "unitPrice": {"amountMinor": 1000, "currency": "EUR"}},
      {"productId": "sku-2", "name": "Two", "quantity": 1, "unitPrice": {"amountMinor": 500, "currency": "EUR"}}]');
    SELECT place(B, 'alice', 'key-b', 1000, '[{"productId": "sku-1", "name": "One", "quantity": 1, "unitPrice": {"amountMinor": 1000, "currency": "EUR"}}]');
    SELECT place(C, 'bob', 'key-c', 500, '[{"productId": "sku-2", "name": "Two", "quantity": 1, "unitPrice": {"amountMinor": 500, "currency": "EUR"}}]');
    SELECT place(D, 'bob', 'key-d', 1000, '[{"productId": "sku-1", "name": "One", "quantity": 1, "unitPrice": {"amountMinor": 1000, "currency": "EUR"}}]');
    SELECT place(E, 'carol', 'key-e', 1000, '[{"productId": "sku-1", "name": "One", "quantity": 1, "unitPrice": {"amountMinor": 1000, "currency": "EUR"}}]',
      '{"quoteId": "q", "discounts": [{"code": "TWO", "name": "2 EUR off", "amount": {"amountMinor": 200, "currency": "EUR"}}],
        "shipping": {"amountMinor": 200, "currency": "EUR"}, "tax": {"amountMinor": 0, "currency": "EUR"},
        "coupon": {"code": "TWO", "discount": {"amountMinor": 200, "currency": "EUR"}}}');
    SELECT place(F, 'carol', 'key-f', 1000, '[{"productId": "sku-1", "name": "One", "quantity": 1, "unitPrice": {"amountMinor": 1000, "currency": "EUR"}}]');
    SELECT advance(A, 'inventory-reserved', 'InventoryReserved'), advance(A, 'payment-processed', 'PaymentProcessed');
    SELECT advance(B, 'inventory-reserved', 'InventoryReserved'), advance(B, 'payment-processed', 'PaymentProcessed');
    SELECT advance(D, 'inventory-reserved', 'InventoryReserved');
    SELECT advance(A, 'order-confirmed', 'Confirmed'), advance(B, 'order-cancelled', 'Cancelled', 'shipping-unavailable');
    SELECT advance(C, 'order-cancelled', 'Cancelled', 'out-of-stock'), advance(D, 'order-cancelled', 'Cancelled', 'payment-declined');
    SELECT advance(E, 'inventory-reserved', 'InventoryReserved'), advance(E, 'payment-processed', 'PaymentProcessed');
    SELECT advance(F, 'inventory-reserved', 'InventoryReserved');
    SELECT advance(E, 'order-confirmed', 'Confirmed'), advance(F, 'order-cancelled', 'Cancelled', 'cancelled-by-customer');
    INSERT INTO order_process (order_id, stage, reports, has_coupon, reason, deadline_at) VALUES
      (E, 'confirmed', '{reserved,redeemed,paid,taken,shipped}', true, NULL, now()),
      (F, 'cancelled', '{reserved,paid,refunded,released}', false, 'cancelled-by-customer', now());
    INSERT INTO saga_instance (id, type, def_version, status, data, pivot_started, deadline_at, ended_at) VALUES
      (A, 'place-order', 1, 'completed', '{}', true, now(), now()),
      (B, 'place-order', 1, 'compensated', '{}', true, now(), now()),
      (C, 'place-order', 1, 'compensated', '{}', false, now(), now()),
      (D, 'place-order', 1, 'compensated', '{}', false, now(), now());
    INSERT INTO saga_step (saga_id, step, kind, status, command_id) VALUES
      (A, 'reserve-stock', 'do', 'done', gen_random_uuid()), (A, 'charge-payment', 'do', 'done', gen_random_uuid()),
      (A, 'commit-stock', 'do', 'done', gen_random_uuid()), (A, 'create-shipment', 'do', 'done', gen_random_uuid()),
      (B, 'reserve-stock', 'do', 'done', gen_random_uuid()), (B, 'charge-payment', 'do', 'unknown', gen_random_uuid()),
      (B, 'charge-payment', 'undo', 'done', gen_random_uuid()), (B, 'reserve-stock', 'undo', 'done', gen_random_uuid()),
      (C, 'reserve-stock', 'do', 'rejected', gen_random_uuid()),
      (D, 'reserve-stock', 'do', 'done', gen_random_uuid()), (D, 'charge-payment', 'do', 'rejected', gen_random_uuid()),
      (D, 'reserve-stock', 'undo', 'done', gen_random_uuid());
    INSERT INTO moved_order (number, customer_id, source_version, stage, content) VALUES
      (1001, 'alice', 1, 'live', '{"status": "PaymentProcessed", "total": {"amountMinor": 4990, "currency": "EUR"}, "history": []}');`,
  inventory: `
    INSERT INTO product (id, name, description, price_minor, currency) VALUES
      ('sku-1', 'One', 'One', 1000, 'EUR'), ('sku-2', 'Two', 'Two', 500, 'EUR');
    INSERT INTO stock (product_id, on_hand, reserved) VALUES ('sku-1', 7, 0), ('sku-2', 0, 0);
    INSERT INTO stock_movement (product_id, kind, quantity, order_id, actor) VALUES
      ('sku-1', 'initial', 9, NULL, 'demo'), ('sku-1', 'adjustment', 1, NULL, 'admin'), ('sku-2', 'initial', 1, NULL, 'demo'),
      ('sku-1', 'sale', -2, A, 'inventory'), ('sku-2', 'sale', -1, A, 'inventory'),
      ('sku-1', 'sale', -1, B, 'inventory'), ('sku-1', 'return', 1, B, 'inventory'),
      ('sku-1', 'sale', -1, E, 'inventory');
    INSERT INTO reservation (order_id, status, expires_at) VALUES
      (A, 'committed', now()), (B, 'released', now()), (C, 'released', NULL), (D, 'released', now()),
      (E, 'committed', now()), (F, 'released', now());
    INSERT INTO reservation_line (order_id, product_id, quantity) VALUES
      (A, 'sku-1', 2), (A, 'sku-2', 1), (B, 'sku-1', 1), (D, 'sku-1', 1),
      (E, 'sku-1', 1), (F, 'sku-1', 1);`,
  payment: `
    INSERT INTO payment (id, order_id, status, amount_minor, currency, provider_charge_id, decline_reason) VALUES
      ('00000000-0000-7000-8000-0000000000a1', A, 'captured', 2500, 'EUR', '00000000-0000-7000-8000-0000000000a2', NULL),
      ('00000000-0000-7000-8000-0000000000b1', B, 'refunded', 1000, 'EUR', '00000000-0000-7000-8000-0000000000b2', NULL),
      ('00000000-0000-7000-8000-0000000000c1', C, 'voided', NULL, NULL, NULL, NULL),
      ('00000000-0000-7000-8000-0000000000d1', D, 'declined', 1000, 'EUR', NULL, 'card-declined'),
      ('00000000-0000-7000-8000-0000000000e1', E, 'captured', 1000, 'EUR', '00000000-0000-7000-8000-0000000000e2', NULL),
      ('00000000-0000-7000-8000-0000000000f1', F, 'refunded', 1000, 'EUR', '00000000-0000-7000-8000-0000000000f2', NULL);
    UPDATE payment SET by_events = true WHERE order_id IN (E, F);
    UPDATE payment SET provider_charge_id = NULL, status = 'voiding' WHERE order_id = B;
    UPDATE payment SET provider_charge_id = '00000000-0000-7000-8000-0000000000b2', status = 'refunded' WHERE order_id = B;
    INSERT INTO ledger_transaction (id, payment_id, kind, provider_reference) VALUES
      ('00000000-0000-7000-8000-0000000000a3', '00000000-0000-7000-8000-0000000000a1', 'capture', '00000000-0000-7000-8000-0000000000a2'),
      ('00000000-0000-7000-8000-0000000000b3', '00000000-0000-7000-8000-0000000000b1', 'capture', '00000000-0000-7000-8000-0000000000b2'),
      ('00000000-0000-7000-8000-0000000000b5', '00000000-0000-7000-8000-0000000000b1', 'refund', '00000000-0000-7000-8000-0000000000b4'),
      ('00000000-0000-7000-8000-0000000000e3', '00000000-0000-7000-8000-0000000000e1', 'capture', '00000000-0000-7000-8000-0000000000e2'),
      ('00000000-0000-7000-8000-0000000000f3', '00000000-0000-7000-8000-0000000000f1', 'capture', '00000000-0000-7000-8000-0000000000f2'),
      ('00000000-0000-7000-8000-0000000000f5', '00000000-0000-7000-8000-0000000000f1', 'refund', '00000000-0000-7000-8000-0000000000f4');
    INSERT INTO ledger_entry (transaction_id, account, amount_minor, currency) VALUES
      ('00000000-0000-7000-8000-0000000000a3', 'provider-clearing', 2500, 'EUR'),
      ('00000000-0000-7000-8000-0000000000a3', 'sales', -2500, 'EUR'),
      ('00000000-0000-7000-8000-0000000000b3', 'provider-clearing', 1000, 'EUR'),
      ('00000000-0000-7000-8000-0000000000b3', 'sales', -1000, 'EUR'),
      ('00000000-0000-7000-8000-0000000000b5', 'refunds', 1000, 'EUR'),
      ('00000000-0000-7000-8000-0000000000b5', 'provider-clearing', -1000, 'EUR'),
      ('00000000-0000-7000-8000-0000000000e3', 'provider-clearing', 1000, 'EUR'),
      ('00000000-0000-7000-8000-0000000000e3', 'sales', -1000, 'EUR'),
      ('00000000-0000-7000-8000-0000000000f3', 'provider-clearing', 1000, 'EUR'),
      ('00000000-0000-7000-8000-0000000000f3', 'sales', -1000, 'EUR'),
      ('00000000-0000-7000-8000-0000000000f5', 'refunds', 1000, 'EUR'),
      ('00000000-0000-7000-8000-0000000000f5', 'provider-clearing', -1000, 'EUR');`,
  provider: `
    INSERT INTO charge (id, idempotency_key, status, decline_reason, amount_minor, currency, token, reference) VALUES
      ('00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-0000000000a1', 'captured', NULL, 2500, 'EUR', 'tok_ok', A),
      ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000b1', 'captured', NULL, 1000, 'EUR', 'tok_ok', B),
      ('00000000-0000-7000-8000-0000000000d2', '00000000-0000-7000-8000-0000000000d1', 'declined', 'card-declined', 1000, 'EUR', 'tok_declined', D),
      ('00000000-0000-7000-8000-0000000000e2', '00000000-0000-7000-8000-0000000000e1', 'captured', NULL, 1000, 'EUR', 'tok_ok', E),
      ('00000000-0000-7000-8000-0000000000f2', '00000000-0000-7000-8000-0000000000f1', 'captured', NULL, 1000, 'EUR', 'tok_ok', F);
    INSERT INTO refund (id, charge_id, idempotency_key, amount_minor, currency) VALUES
      ('00000000-0000-7000-8000-0000000000b4', '00000000-0000-7000-8000-0000000000b2', 'b:refund', 1000, 'EUR'),
      ('00000000-0000-7000-8000-0000000000f4', '00000000-0000-7000-8000-0000000000f2', 'f:refund', 1000, 'EUR');`,
  shipping: `
    INSERT INTO shipment (id, order_id, status, tracking_number, refusal_reason, address, items) VALUES
      (gen_random_uuid(), A, 'created', 'CF000000018DE', NULL, '{}',
       '[{"productId": "sku-2", "quantity": 1}, {"productId": "sku-1", "quantity": 2}]'),
      (gen_random_uuid(), B, 'refused', NULL, 'shipping-unavailable', '{}', '[{"productId": "sku-1", "quantity": 1}]'),
      (gen_random_uuid(), E, 'created', 'CF000000021DE', NULL, '{}', '[{"productId": "sku-1", "quantity": 1}]');`,
  pricing: `
    INSERT INTO promotion (id, definition) VALUES ('two-off', '{}');
    INSERT INTO coupon (code, promotion_id, uses, uses_per_customer, budget_minor, budget_currency, used, spent_minor)
      VALUES ('TWO', 'two-off', 10, 1, 1000, 'EUR', 1, 200);
    INSERT INTO redemption (order_id, state, code, customer_id, discount_minor)
      VALUES (E, 'redeemed', 'TWO', 'carol', 200), (F, 'released', 'TWO', 'carol', 200);`,
  cart: `
    INSERT INTO checkout (customer_id, idempotency_key, items, state) VALUES
      ('alice', 'key-a', '[]', 'confirmed'), ('bob', 'key-refused', '[]', 'refused');`,
  notification: `
    INSERT INTO mail (id, recipient, subject, body, state) VALUES
      (gen_random_uuid(), 'alice@example.com', 'Your order ' || A || ' is confirmed', '', 'delivered'),
      (gen_random_uuid(), 'alice@example.com', 'Your order ' || B || ' was cancelled', '', 'delivered'),
      (gen_random_uuid(), 'bob@example.com', 'Your order ' || C || ' was cancelled', '', 'delivered'),
      (gen_random_uuid(), 'bob@example.com', 'Your order ' || D || ' was cancelled', '', 'delivered'),
      (gen_random_uuid(), 'carol@example.com', 'Your order ' || E || ' is confirmed', '', 'delivered'),
      (gen_random_uuid(), 'carol@example.com', 'Your order ' || F || ' was cancelled', '', 'delivered'),
      (gen_random_uuid(), 'bob@example.com', 'Welcome to the Flotilla shop', '', 'delivered');`,
  identity: `
    INSERT INTO account (id, email, email_key, name, role, permissions, password_hash) VALUES
      (gen_random_uuid(), 'Bob@example.com', 'bob@example.com', 'Bob', 'Customer', '{}', '');
    INSERT INTO account (id, email, email_key, name, role, permissions, password_hash, profile_version) VALUES
      ('${RENAMED}', 'lea@example.com', 'lea@example.com', 'Lea Leonis', 'Customer', '{}', '', 2);`,
  user: `
    INSERT INTO profile (user_id, email, name, version, registered_at) VALUES
      ('${RENAMED}', 'lea@example.com', 'Lea Leonis', 2, now()), ('bob', 'bob@example.com', 'Bob', 1, now());
    INSERT INTO erasure (id, user_id, status, ended_at) VALUES ('k', '${ERASED}', 'done', now());`,
  legacy: `
    INSERT INTO customers (account_id, name) VALUES ('alice', 'Alice');
    INSERT INTO articles VALUES ('old-lamp', 'Desk lamp', 49.90, 100, 97);
    INSERT INTO orders (customer_no, state, sum, placed_on, paid_on, moved_on) VALUES
      (1, 'P', 49.90, '2024-03-01', '2024-03-01', now()), (1, 'N', 99.80, '2024-03-02', NULL, NULL);
    INSERT INTO positions VALUES (1001, 1, 'old-lamp', 'Desk lamp', 1, 49.90), (1002, 1, 'old-lamp', 'Desk lamp', 2, 49.90);`,
  recommendation: `
    SELECT append_events('purchase-' || A , 'purchase', 0, '[["bought", 1, {"shopper": "${RENAMED}",
      "products": ["sku-1", "sku-2"], "at": "2026-11-25T12:00:00.000Z"}]]', NULL, NULL, NULL);
    INSERT INTO popularity VALUES (1, 'sku-1', 1), (1, 'sku-2', 1);`,
  bus: `
    INSERT INTO bus.queue (name) VALUES ('notification');`,
};

/** Statements with `A`…`F` as the ids of the six orders. */
export function withOrderIds(sql: string): string {
  const ids = Object.values(ORDER);
  return sql.replaceAll(/(?<=[\s(,])[ABCDEF](?=[,\s);])/g, (letter) => `'${ids['ABCDEF'.indexOf(letter)]}'`);
}

export async function fill(name: DatabaseName, db: Database): Promise<void> {
  const sql = ROWS[name];
  if (sql !== '') await db.query(withOrderIds(sql));
}

/**
 * Takes away every constraint and trigger, so that a violation can be planted: what the checker finds, it finds
 * without the help of the database.
 */
export const UNGUARD = `
  DO $$
  DECLARE guard record;
  BEGIN
    FOR guard IN SELECT conrelid::regclass AS on_table, conname FROM pg_constraint c
      JOIN pg_namespace n ON n.oid = c.connamespace
      WHERE n.nspname IN ('public', 'bus') AND contype IN ('f', 'c', 'u', 'p') AND conrelid <> 0
      ORDER BY contype = 'p', contype <> 'f' LOOP
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', guard.on_table, guard.conname);
    END LOOP;
    FOR guard IN SELECT tgrelid::regclass AS on_table, tgname FROM pg_trigger WHERE NOT tgisinternal LOOP
      EXECUTE format('DROP TRIGGER %I ON %s', guard.tgname, guard.on_table);
    END LOOP;
    FOR guard IN SELECT indexrelid::regclass AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 'bus') AND i.indisunique LOOP
      EXECUTE format('DROP INDEX IF EXISTS %s', guard.name);
    END LOOP;
  END $$`;

import { ERASED } from './healthy-system.ts';
import type { DatabaseName } from './invariant.ts';
import { LEGACY_PLANTS } from './planted-legacy-bugs.ts';

/** A bug, as it would show in a database; `id` is the invariant that has to notice. */
export interface PlantedBug {
  readonly id: string;
  readonly bug: string;
  readonly database: DatabaseName;
  readonly sql: string;
}

export const PLANTS: readonly PlantedBug[] = [
  ...LEGACY_PLANTS,
  {
    id: 'M1',
    bug: 'one leg of a booking is lost',
    database: 'payment',
    sql: "DELETE FROM ledger_entry WHERE account = 'sales' AND amount_minor = -2500",
  },
  {
    id: 'M1',
    bug: 'a booking has no entries',
    database: 'payment',
    sql: "DELETE FROM ledger_entry WHERE transaction_id = '00000000-0000-7000-8000-0000000000a3'",
  },
  {
    id: 'M2a',
    bug: 'a retry under a new key captures again',
    database: 'payment',
    sql: `INSERT INTO payment (id, order_id, status, amount_minor, currency)
            VALUES ('00000000-0000-7000-8000-0000000000a9', A, 'captured', 2500, 'EUR');
          INSERT INTO ledger_transaction (id, payment_id, kind, provider_reference)
            VALUES (gen_random_uuid(), '00000000-0000-7000-8000-0000000000a9', 'capture', 'again')`,
  },
  {
    id: 'M2b',
    bug: 'a refund is booked twice',
    database: 'payment',
    sql: `INSERT INTO ledger_entry (transaction_id, account, amount_minor, currency) VALUES
            ('00000000-0000-7000-8000-0000000000b5', 'provider-clearing', -1000, 'EUR'),
            ('00000000-0000-7000-8000-0000000000b5', 'refunds', 1000, 'EUR')`,
  },
  {
    id: 'M2c',
    bug: 'the provider was asked under a second key',
    database: 'provider',
    sql: `INSERT INTO charge (id, idempotency_key, status, amount_minor, currency, token, reference)
          VALUES (gen_random_uuid(), 'another', 'captured', 2500, 'EUR', 'tok_ok', A )`,
  },
  {
    id: 'M2d',
    bug: 'the provider refunds a charge twice',
    database: 'provider',
    sql: `INSERT INTO refund (id, charge_id, idempotency_key, amount_minor, currency)
          SELECT gen_random_uuid(), charge_id, 'another', amount_minor, currency FROM refund`,
  },
  {
    id: 'M3',
    bug: 'a capture of the provider never reached our books',
    database: 'payment',
    sql: `DELETE FROM ledger_entry WHERE transaction_id = '00000000-0000-7000-8000-0000000000a3';
          DELETE FROM ledger_transaction WHERE id = '00000000-0000-7000-8000-0000000000a3'`,
  },
  {
    id: 'M3',
    bug: 'our books know a refund that the provider does not',
    database: 'provider',
    sql: 'DELETE FROM refund',
  },
  {
    id: 'M4a',
    bug: 'the total was taken from the client',
    database: 'order',
    sql: 'UPDATE order_view SET total_minor = 1 WHERE id = A ',
  },
  {
    id: 'M4a',
    bug: 'a discount was taken off that was not agreed on',
    database: 'order',
    sql: `UPDATE order_view SET agreement = jsonb_set(agreement, '{discounts}', '[]') WHERE id = E `,
  },
  {
    id: 'K1',
    bug: 'the use of a cancelled order is given back twice',
    database: 'pricing',
    sql: 'UPDATE coupon SET used = 0, spent_minor = 0',
  },
  {
    id: 'K2',
    bug: 'a coupon for each customer once is used by one twice',
    database: 'pricing',
    sql: `UPDATE redemption SET state = 'redeemed' WHERE order_id = F ;
          UPDATE coupon SET used = 2, spent_minor = 400`,
  },
  {
    id: 'K2',
    bug: 'two who race for the last use of a coupon both have it',
    database: 'pricing',
    sql: 'UPDATE coupon SET used = 11',
  },
  {
    id: 'K3',
    bug: 'a cancelled order keeps its coupon',
    database: 'pricing',
    sql: `UPDATE redemption SET state = 'redeemed', customer_id = 'bob' WHERE order_id = F ;
          UPDATE coupon SET used = 2, spent_minor = 400`,
  },
  {
    id: 'K3',
    bug: 'a confirmed order has not used its coupon',
    database: 'pricing',
    sql: `DELETE FROM redemption WHERE order_id = E `,
  },
  {
    id: 'M4b',
    bug: 'the price was taken from the client',
    database: 'order',
    sql: `UPDATE order_view SET lines = jsonb_set(lines, '{1,unitPrice,amountMinor}', '1') WHERE id = A ;
          UPDATE order_view SET total_minor = 2001 WHERE id = A `,
  },
  {
    id: 'M4c',
    bug: 'another amount is charged than was ordered',
    database: 'payment',
    sql: 'UPDATE payment SET amount_minor = 2499 WHERE order_id = A ',
  },
  {
    id: 'M5',
    bug: 'an order is cancelled but not refunded',
    database: 'payment',
    sql: `DELETE FROM ledger_entry WHERE transaction_id = '00000000-0000-7000-8000-0000000000b5'`,
  },
  {
    id: 'M5',
    bug: 'an order is confirmed although its charge was declined',
    database: 'order',
    sql: "UPDATE order_view SET status = 'Confirmed', cancellation_reason = NULL WHERE id = D ",
  },
  {
    id: 'M5b',
    bug: 'a payment stays pending',
    database: 'payment',
    sql: "UPDATE payment SET status = 'pending', decline_reason = NULL WHERE order_id = D ",
  },
  {
    id: 'M6',
    bug: 'an acknowledged order is lost',
    database: 'order',
    sql: 'DELETE FROM order_view WHERE id = C ',
  },
  {
    id: 'M6',
    bug: 'a retry made a second order',
    database: 'order',
    sql: `INSERT INTO order_view_row SELECT (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid()))).*
          FROM order_view_row o WHERE id = A `,
  },
  {
    id: 'M6',
    bug: 'a refused request left an order',
    database: 'order',
    sql: "UPDATE order_view SET idempotency_key = 'key-refused' WHERE id = A ",
  },
  {
    id: 'M7',
    bug: 'a key makes two orders',
    database: 'order',
    sql: "UPDATE order_view SET idempotency_key = 'key-a' WHERE id = B ",
  },
  {
    id: 'S1',
    bug: 'more is reserved than there is',
    database: 'inventory',
    sql: "UPDATE stock SET reserved = 9 WHERE product_id = 'sku-1'",
  },
  {
    id: 'S2a',
    bug: 'stock changes without a movement',
    database: 'inventory',
    sql: "UPDATE stock SET on_hand = on_hand + 1 WHERE product_id = 'sku-1'",
  },
  {
    id: 'S2b',
    bug: 'a reservation is not counted',
    database: 'inventory',
    sql: "UPDATE reservation SET status = 'held' WHERE order_id = D ",
  },
  {
    id: 'S3',
    bug: 'the last piece is sold twice',
    database: 'inventory',
    sql: `INSERT INTO reservation_line (order_id, product_id, quantity) VALUES (C, 'sku-2', 1);
          UPDATE reservation SET status = 'committed' WHERE order_id = C `,
  },
  {
    id: 'S4',
    bug: 'a reservation outlives its order',
    database: 'inventory',
    sql: `UPDATE reservation SET status = 'held' WHERE order_id = D ;
          UPDATE stock SET reserved = 1 WHERE product_id = 'sku-1'`,
  },
  {
    id: 'S5a',
    bug: 'stock of a confirmed order is released',
    database: 'inventory',
    sql: "UPDATE reservation SET status = 'released' WHERE order_id = A ",
  },
  {
    id: 'S5b',
    bug: 'a return is booked twice',
    database: 'inventory',
    sql: `INSERT INTO stock_movement (product_id, kind, quantity, order_id, actor) VALUES ('sku-1', 'return', 1, B, 'inventory');
          UPDATE stock SET on_hand = 8 WHERE product_id = 'sku-1'`,
  },
  {
    id: 'S6',
    bug: 'a leaked reservation makes stock unsellable',
    database: 'inventory',
    sql: "UPDATE stock SET reserved = 1 WHERE product_id = 'sku-1'",
  },
  {
    id: 'O1',
    bug: 'an order never ends',
    database: 'order',
    sql: "UPDATE order_view SET status = 'PaymentProcessed' WHERE id = A ",
  },
  {
    id: 'O2',
    bug: 'a late event moves an order out of its end',
    database: 'order',
    sql: "SELECT advance(A, 'payment-processed', 'PaymentProcessed')",
  },
  {
    id: 'O2',
    bug: 'an event is missing',
    database: 'order',
    sql: "DELETE FROM event WHERE stream_id = 'order-' || A AND version = 2",
  },
  {
    id: 'O2',
    bug: 'the last event of an order is lost',
    database: 'order',
    sql: "DELETE FROM event WHERE stream_id = 'order-' || D AND version = 3",
  },
  {
    id: 'O3a',
    bug: 'a charge of unknown outcome is not undone',
    database: 'order',
    sql: "DELETE FROM saga_step WHERE saga_id = B AND step = 'charge-payment' AND kind = 'undo'",
  },
  {
    id: 'O3b',
    bug: 'stock is released before the refund',
    database: 'order',
    sql: `DELETE FROM saga_step WHERE saga_id = B AND step = 'charge-payment' AND kind = 'undo';
          INSERT INTO saga_step (saga_id, step, kind, status, command_id)
            VALUES (B, 'charge-payment', 'undo', 'done', gen_random_uuid())`,
  },
  {
    id: 'O3c',
    bug: 'a shipped order is refunded',
    database: 'order',
    sql: `INSERT INTO saga_step (saga_id, step, kind, status, command_id)
          VALUES (A, 'charge-payment', 'undo', 'done', gen_random_uuid())`,
  },
  {
    id: 'O4a',
    bug: 'a saga is stuck',
    database: 'order',
    sql: "UPDATE saga_instance SET status = 'stuck', ended_at = NULL, step = 'reserve-stock' WHERE id = C ",
  },
  {
    id: 'O4b',
    bug: 'an order has no saga',
    database: 'order',
    sql: 'DELETE FROM saga_step WHERE saga_id = C ; DELETE FROM saga_instance WHERE id = C ',
  },
  {
    id: 'O5',
    bug: 'a confirmed order is not shipped',
    database: 'shipping',
    sql: "DELETE FROM shipment WHERE status = 'created'",
  },
  {
    id: 'O5',
    bug: 'a cancelled order is shipped',
    database: 'shipping',
    sql: "UPDATE shipment SET status = 'created' WHERE status = 'refused'",
  },
  {
    id: 'O6',
    bug: 'an order is shipped twice',
    database: 'shipping',
    sql: `INSERT INTO shipment (id, order_id, status, address, items)
          SELECT gen_random_uuid(), order_id, status, address, items FROM shipment WHERE status = 'created'`,
  },
  {
    id: 'O7',
    bug: 'an order says something else than its events',
    database: 'order',
    sql: "UPDATE order_view SET status = 'Confirmed', cancellation_reason = NULL WHERE id = D ",
  },
  {
    id: 'O7',
    bug: 'an event did not reach what is shown',
    database: 'order',
    sql: `SELECT append_events('order-' || C , 'order', NULL, '[["inventory-reserved", 1, {"at": "2026-11-25T12:00:00Z"}]]',
            NULL, NULL, NULL)`,
  },
  {
    id: 'O7',
    bug: 'an event was counted twice',
    database: 'order',
    sql: 'UPDATE order_view SET history = history || (history->-1) WHERE id = A ',
  },
  {
    id: 'O7',
    bug: 'readers are shown a generation that was never filled',
    database: 'order',
    sql: "UPDATE projection SET active = 2 WHERE name = 'order_view'",
  },
  {
    id: 'C1',
    bug: 'an event of a participant was lost, and the order waits for ever',
    database: 'order',
    sql: "UPDATE order_process SET stage = 'shipping', reports = '{reserved,paid,taken}' WHERE order_id = E ",
  },
  {
    id: 'C2',
    bug: 'a process ends and its order does not',
    database: 'order',
    sql: "UPDATE order_view SET status = 'PaymentProcessed' WHERE id = E ",
  },
  {
    id: 'C2',
    bug: 'a process has lost its order',
    database: 'order',
    sql: 'DELETE FROM order_view WHERE id = F ',
  },
  {
    id: 'C3',
    bug: 'an order is cancelled before its payment was given back',
    database: 'order',
    sql: "UPDATE order_process SET reports = '{reserved,paid,released}' WHERE order_id = F ",
  },
  {
    id: 'C4',
    bug: 'a late cancellation takes back what is shipped',
    database: 'order',
    sql: "UPDATE order_process SET reports = reports || '{released}' WHERE order_id = E ",
  },
  {
    id: 'C4',
    bug: 'an order is shipped before it is paid',
    database: 'order',
    sql: "UPDATE order_process SET reports = '{reserved,taken,shipped}' WHERE order_id = E ",
  },
  {
    id: 'C5',
    bug: 'an order runs by events and by a saga',
    database: 'order',
    sql: `INSERT INTO saga_instance (id, type, def_version, status, data, pivot_started, deadline_at, ended_at)
          VALUES (E, 'place-order', 1, 'completed', '{}', true, now(), now())`,
  },
  {
    id: 'C6',
    bug: 'a cancelled order leaves the token of its payment behind',
    database: 'payment',
    sql: `INSERT INTO charge_request (order_id, customer_id, amount_minor, currency, provider_token)
          VALUES (F, 'carol', 1000, 'EUR', 'tok_ok')`,
  },
  {
    id: 'P1',
    bug: 'an older change of a name arrives later and wins',
    database: 'identity',
    sql: "UPDATE account SET name = 'Lea', profile_version = 1 WHERE profile_version = 2",
  },
  {
    id: 'P1',
    bug: 'identity never hears of a changed name',
    database: 'identity',
    sql: 'UPDATE account SET profile_version = 0',
  },
  {
    id: 'P2',
    bug: 'an event that comes late makes a profile of who was erased',
    database: 'user',
    sql: `INSERT INTO profile (user_id, email, name, registered_at) VALUES ('${ERASED}', 'e', 'n', now())`,
  },
  {
    id: 'P2',
    bug: 'an erasure ends before the account is gone',
    database: 'identity',
    sql: `INSERT INTO account (id, email, email_key, name, role, permissions, password_hash)
          VALUES ('${ERASED}', 'e', 'e', 'n', 'Customer', '{}', '')`,
  },
  {
    id: 'P3',
    bug: 'what was cancelled counts as bought',
    database: 'recommendation',
    sql: `SELECT append_events('purchase-' || B , 'purchase', 0, '[["bought", 1, {"shopper": "${ERASED}",
            "products": ["sku-1"], "at": "2026-11-25T12:00:00.000Z"}]]', NULL, NULL, NULL);
          UPDATE popularity SET buyers = 2 WHERE product_id = 'sku-1'`,
  },
  {
    id: 'P4',
    bug: 'a rebuild counts a purchase twice',
    database: 'recommendation',
    sql: 'UPDATE popularity SET buyers = buyers + 1',
  },
  {
    id: 'P4',
    bug: 'a purchase is not counted',
    database: 'recommendation',
    sql: 'DELETE FROM popularity',
  },
  {
    id: 'G1',
    bug: 'a message is lost',
    database: 'notification',
    sql: "DELETE FROM mail WHERE subject LIKE '%is confirmed'",
  },
  {
    id: 'G2',
    bug: 'a message is published before a rollback',
    database: 'notification',
    sql: `INSERT INTO mail (id, recipient, subject, body, state) VALUES
          (gen_random_uuid(), 'alice@example.com', 'Your order ' || gen_random_uuid() || ' is confirmed', '', 'delivered')`,
  },
  {
    id: 'G2b',
    bug: 'somebody is welcomed whose sign-up was rolled back',
    database: 'identity',
    sql: 'DELETE FROM account',
  },
  {
    id: 'G3a',
    bug: 'a message has its effect twice',
    database: 'notification',
    sql: `INSERT INTO mail (id, recipient, subject, body, state)
          SELECT gen_random_uuid(), recipient, subject, body, state FROM mail WHERE subject LIKE '%is confirmed'`,
  },
  {
    id: 'G3b',
    bug: 'a checkout never hears of its order',
    database: 'cart',
    sql: "UPDATE checkout SET state = 'open' WHERE idempotency_key = 'key-a'",
  },
  {
    id: 'G3b',
    bug: 'a checkout that took over another one never hears of its order',
    database: 'cart',
    sql: `INSERT INTO checkout (customer_id, idempotency_key, items, state, order_key)
          VALUES ('alice', 'key-of-a-second-click', '[]', 'open', 'key-a')`,
  },
  {
    id: 'G5',
    bug: 'an innocent message is given up',
    database: 'notification',
    sql: `INSERT INTO inbox_dead_letter (
            consumer, message_id, key, type, body, reason, attempts, failures, crashes, enqueued_at)
          VALUES ('notification', gen_random_uuid(), 'k', 'order.confirmed.v1', '{}', 'failed', '[]', 10, 0, now())`,
  },
  {
    id: 'G5',
    bug: 'a message is parked in the outbox',
    database: 'order',
    sql: `INSERT INTO outbox_parked (id, shard, message_id, key, type, envelope, created_at, attempts, parked_reason)
          VALUES (1, 0, gen_random_uuid(), 'k', 'order.confirmed.v1', '{}', now(), 1, 'refused')`,
  },
  {
    id: 'G6',
    bug: 'the relay stands still',
    database: 'order',
    sql: `INSERT INTO outbox (shard, message_id, key, type, envelope)
          VALUES (0, gen_random_uuid(), 'k', 'order.confirmed.v1', '{}')`,
  },
  {
    id: 'G6',
    bug: 'a refused message is never sent again',
    database: 'order',
    sql: `INSERT INTO outbox_held (shard, id, message_id, key, type, envelope, mandatory, created_at)
          VALUES (0, 1, gen_random_uuid(), 'k', 'order.confirmed.v1', '{}', true, now())`,
  },
  {
    id: 'G6',
    bug: 'a queue is not drained',
    database: 'bus',
    sql: `INSERT INTO bus.delivery (queue_id, shard, key, type, body)
          SELECT id, 0, 'k', 'order.confirmed.v1', '{}' FROM bus.queue`,
  },
  {
    id: 'G6',
    bug: 'a failed message is never tried again',
    database: 'cart',
    sql: `INSERT INTO inbox_held (consumer, key, message_id, type, body, enqueued_at)
          VALUES ('cart', 'k', gen_random_uuid(), 'order.confirmed.v1', '{}', now())`,
  },
];

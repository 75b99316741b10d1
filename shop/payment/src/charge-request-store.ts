import { crashPoint, type NewId } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import { currentContext, formatTraceparent } from '@flotilla/telemetry';
import type { ChargeIntent } from './payment-store.ts';

/**
 * Brings together what comes from two sides in any order: how to charge, and that it is time to. The second one
 * makes it a payment, due at once. An order that has a payment, or was closed, is left as it is.
 */
export interface ChargeRequestStore {
  /** Both tell whether the payment is open now. */
  authorize(tx: Transaction, intent: ChargeIntent): Promise<boolean>;
  stockReserved(tx: Transaction, orderId: string): Promise<boolean>;
  /** Forgets a request that did not become a payment, token included. */
  withdraw(tx: Transaction, orderId: string): Promise<void>;
}

export function createChargeRequestStore(newId: NewId): ChargeRequestStore {
  async function openIfReady(tx: Transaction, orderId: string, row: Ready | undefined): Promise<boolean> {
    if (!row?.ready) return false;
    const trace = currentContext()?.trace;
    const traceparent = trace ? formatTraceparent(trace) : null;
    const opened = await tx.query(OPEN, [orderId, newId(), traceparent]);
    crashPoint('payment.before-open-commit');
    tx.afterCommit(() => crashPoint('payment.after-open-commit'));
    return opened.length === 1;
  }
  return {
    authorize: async (tx, { orderId, customerId, amount, token }) => {
      const { amountMinor, currency } = amount;
      const [row] = await tx.query<Ready>(AUTHORIZE, [orderId, customerId, amountMinor, currency, token]);
      return await openIfReady(tx, orderId, row);
    },
    stockReserved: async (tx, orderId) => {
      const [row] = await tx.query<Ready>(STOCK_RESERVED, [orderId]);
      return await openIfReady(tx, orderId, row);
    },
    withdraw: async (tx, orderId) => {
      await tx.query('DELETE FROM charge_request WHERE order_id = $1', [orderId]);
    },
  };
}

interface Ready {
  readonly ready: boolean;
}

const AUTHORIZE = `
  INSERT INTO charge_request (order_id, customer_id, amount_minor, currency, provider_token)
  SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT FROM payment WHERE order_id = $1)
  ON CONFLICT (order_id) DO UPDATE SET customer_id = excluded.customer_id, amount_minor = excluded.amount_minor,
    currency = excluded.currency, provider_token = excluded.provider_token
  RETURNING stock_reserved AS ready`;

const STOCK_RESERVED = `
  INSERT INTO charge_request (order_id, stock_reserved)
  SELECT $1, true WHERE NOT EXISTS (SELECT FROM payment WHERE order_id = $1)
  ON CONFLICT (order_id) DO UPDATE SET stock_reserved = true
  RETURNING provider_token IS NOT NULL AS ready`;

const OPEN = `
  WITH request AS (DELETE FROM charge_request WHERE order_id = $1 RETURNING *)
  INSERT INTO payment (id, order_id, customer_id, status, amount_minor, currency, provider_token, by_events, traceparent)
  SELECT $2, order_id, customer_id, 'pending', amount_minor, currency, provider_token, true, $3 FROM request
  ON CONFLICT (order_id) DO NOTHING RETURNING id`;

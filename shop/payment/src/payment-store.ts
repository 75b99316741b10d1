import type { FairRooms, Money, NewId } from '@flotilla/kernel';
import { type Queryable, storableText } from '@flotilla/postgres';
import type { Payment, PaymentChange, PaymentStatus } from './domain/payment.ts';

export interface ChargeIntent {
  readonly orderId: string;
  readonly customerId: string;
  readonly amount: Money;
  readonly token: string;
}

/**
 * Where payments and their ledger live. Every write is one statement that changes a row only from the state it
 * was decided on, so of two writers one wins and the other looks again.
 */
export interface PaymentStore {
  find(orderId: string): Promise<Payment | undefined>;
  /** Records the wish to charge, leased to `holder`; `undefined` when the order has a payment already. */
  open(intent: ChargeIntent, holder: string): Promise<Payment | undefined>;
  /** Closes an order that was never charged; false when it has a payment. */
  bury(orderId: string): Promise<boolean>;
  /**
   * Makes `holder` the one who talks to the provider about an open payment, or renews its lease; `undefined` when
   * somebody else does, or when there is nothing left to talk about.
   */
  lease(paymentId: string, holder: string): Promise<Payment | undefined>;
  release(paymentId: string, holder: string): Promise<void>;
  /**
   * Applies a change if the payment still is as `payment` says, with its booking in the same statement. Closing
   * passes the lease to `holder`, settling ends it. False when the payment has moved on.
   */
  change(payment: Payment, change: PaymentChange, holder: string): Promise<boolean>;
  /** Open payments that are due and whose customers have room, leased to `holder`; each less often the longer it is open. */
  takeOverdue(holder: string, limit: number, rooms: FairRooms): Promise<readonly TakenPayment[]>;
  /** Gives up the lease of `holder` and makes the payment due at once. */
  handOver(paymentId: string, holder: string): Promise<void>;
}

export interface TakenPayment extends Payment {
  /** Whose it is; of an order that was closed before it was charged nobody knows. */
  readonly customerId?: string;
  /** Attempts so far, this one included: with 1 the provider cannot know it yet. */
  readonly attempts: number;
  /** The trace of the order that runs by events. */
  readonly traceparent?: string;
}

export interface PaymentStoreOptions {
  /** How long a lease lasts without being renewed: longer than one call of the provider. Default 6,000 ms. */
  readonly leaseMs?: number;
  /** How long an open payment is left to its caller before the resolver looks at it. Default 5,000 ms. */
  readonly overdueMs?: number;
}

/** `db` is the pool, or a transaction that everything shall be a part of. */
export function createPaymentStore(
  db: Queryable,
  newId: NewId,
  { leaseMs = 6_000, overdueMs = 5_000 }: PaymentStoreOptions = {},
): PaymentStore {
  const count = (rows: readonly object[]): boolean => rows.length === 1;
  return {
    find: async (orderId) => {
      const [row] = await db.query<PaymentRow>('SELECT * FROM payment WHERE order_id = $1', [orderId]);
      return row && toPayment(row);
    },
    open: async ({ orderId, customerId, amount, token }, holder) => {
      const [row] = await db.query<PaymentRow>(OPEN, [
        newId(),
        orderId,
        customerId,
        amount.amountMinor,
        amount.currency,
        token,
        holder,
        leaseMs,
        overdueMs,
      ]);
      return row && toPayment(row);
    },
    bury: async (orderId) =>
      count(
        await db.query(
          `INSERT INTO payment (id, order_id, status) VALUES ($1, $2, 'voided')
           ON CONFLICT (order_id) DO NOTHING RETURNING id`,
          [newId(), orderId],
        ),
      ),
    lease: async (paymentId, holder) => {
      const [row] = await db.query<PaymentRow>(LEASE, [paymentId, holder, leaseMs]);
      return row && toPayment(row);
    },
    release: async (paymentId, holder) => {
      await db.query(
        'UPDATE payment SET lease_holder = NULL, lease_until = NULL WHERE id = $1 AND lease_holder = $2',
        [paymentId, holder],
      );
    },
    change: async (payment, change, holder) => {
      const { booking } = change;
      const entries = booking?.entries ?? [];
      const moved = await db.query(CHANGE, [
        payment.id,
        payment.status,
        change.to,
        change.chargeId ?? null,
        change.declineReason === undefined ? null : storableText(change.declineReason),
        holder,
        leaseMs,
        overdueMs,
        booking ? newId() : null,
        booking?.kind ?? null,
        booking?.providerReference ?? null,
        entries.map((entry) => entry.account),
        entries.map((entry) => entry.amount.amountMinor),
        entries.map((entry) => entry.amount.currency),
      ]);
      return count(moved);
    },
    takeOverdue: async (holder, limit, rooms) => {
      const rows = await db.query<PaymentRow>(TAKE_OVERDUE, [
        ...[holder, limit, leaseMs, overdueMs],
        ...[rooms.keys, rooms.places, rooms.ofOthers],
      ]);
      return rows.map((row) => ({
        ...toPayment(row),
        ...(row.customer_id !== null && { customerId: row.customer_id }),
        attempts: row.attempts,
        ...(row.traceparent !== null && { traceparent: row.traceparent }),
      }));
    },
    handOver: async (paymentId, holder) => {
      await db.query(
        `UPDATE payment SET lease_holder = NULL, lease_until = NULL, check_after = clock_timestamp()
         WHERE id = $1 AND lease_holder = $2`,
        [paymentId, holder],
      );
    },
  };
}

const OPEN = `
  INSERT INTO payment (id, order_id, customer_id, status, amount_minor, currency, provider_token, attempts,
                       lease_holder, lease_until, check_after)
  VALUES ($1, $2, $3, 'pending', $4, $5, $6, 1,
          $7, clock_timestamp() + $8 * interval '1 millisecond', clock_timestamp() + $9 * interval '1 millisecond')
  ON CONFLICT (order_id) DO NOTHING RETURNING *`;

const LEASE = `
  UPDATE payment SET lease_holder = $2, lease_until = clock_timestamp() + $3 * interval '1 millisecond',
                     attempts = attempts + 1
  WHERE id = $1 AND status IN ('pending', 'voiding', 'refunding')
    AND (lease_holder IS NULL OR lease_holder = $2 OR lease_until < clock_timestamp())
  RETURNING *`;

// Whoever closes an order takes over the talk with the provider, also from a charge that is still under way.
const CHANGE = `
  WITH moved AS (
    UPDATE payment SET
      status = $3,
      provider_charge_id = COALESCE($4, provider_charge_id),
      decline_reason = $5,
      provider_token = CASE WHEN $3 = 'pending' THEN provider_token END,
      lease_holder = CASE WHEN $3 NOT IN ('voiding', 'refunding') THEN NULL
                          WHEN $2 IN ('pending', 'captured') THEN $6::uuid
                          ELSE lease_holder END,
      lease_until = CASE WHEN $3 NOT IN ('voiding', 'refunding') THEN NULL
                         WHEN $2 IN ('pending', 'captured') THEN clock_timestamp() + $7 * interval '1 millisecond'
                         ELSE lease_until END,
      check_after = clock_timestamp() + $8 * interval '1 millisecond',
      checks = 0,
      updated_at = clock_timestamp()
    WHERE id = $1 AND status = $2
    RETURNING id
  ), booked AS (
    INSERT INTO ledger_transaction (id, payment_id, kind, provider_reference)
    SELECT $9::uuid, id, $10, $11 FROM moved WHERE $9::uuid IS NOT NULL
    RETURNING id
  ), entered AS (
    INSERT INTO ledger_entry (transaction_id, account, amount_minor, currency)
    SELECT booked.id, entry.* FROM booked, unnest($12::text[], $13::bigint[], $14::text[]) AS entry
  )
  SELECT id FROM moved`;

/** How many times what is wanted is looked at, or one customer's payments would hide those of others. */
const LOOK_AHEAD = 8;

// An order that runs by events waits for this service alone, so its payment is tried again sooner.
const TAKE_OVERDUE = `
  WITH room AS (
    SELECT * FROM unnest($5::text[], $6::int[]) AS r (customer_id, places)
  ), candidate AS (
    SELECT id, customer_id, check_after FROM payment
    WHERE status IN ('pending', 'voiding', 'refunding') AND check_after < clock_timestamp()
      AND (lease_until IS NULL OR lease_until < clock_timestamp())
      AND (customer_id IS NULL OR customer_id <> ALL (ARRAY(SELECT r.customer_id FROM room r WHERE r.places <= 0)))
    ORDER BY check_after LIMIT $2 * ${LOOK_AHEAD} FOR UPDATE SKIP LOCKED
  ), ranked AS (
    SELECT c.id, c.check_after, c.customer_id IS NULL OR coalesce(r.places, $7) >=
      row_number() OVER (PARTITION BY c.customer_id ORDER BY c.check_after) AS fair
    FROM candidate c LEFT JOIN room r ON r.customer_id = c.customer_id
  )
  UPDATE payment SET
    lease_holder = $1,
    lease_until = clock_timestamp() + $3 * interval '1 millisecond',
    attempts = attempts + 1,
    checks = checks + 1,
    check_after = clock_timestamp() + interval '1 millisecond' * CASE
      WHEN by_events THEN least(250 * 2 ^ least(checks, 10), 30000)
      ELSE least($4 * 2 ^ least(checks, 10), 300000) END
  WHERE id IN (
    SELECT id FROM ranked WHERE fair ORDER BY check_after LIMIT $2)
  RETURNING *`;

interface PaymentRow {
  readonly id: string;
  readonly order_id: string;
  readonly customer_id: string | null;
  readonly status: PaymentStatus;
  readonly amount_minor: string | null;
  readonly currency: string | null;
  readonly provider_token: string | null;
  readonly provider_charge_id: string | null;
  readonly decline_reason: string | null;
  readonly by_events: boolean;
  readonly attempts: number;
  readonly traceparent: string | null;
}

function toPayment(row: PaymentRow): Payment {
  return {
    id: row.id,
    orderId: row.order_id,
    status: row.status,
    ...(row.amount_minor !== null && {
      amount: { amountMinor: Number(row.amount_minor), currency: row.currency ?? '' },
    }),
    ...(row.provider_token !== null && { token: row.provider_token }),
    ...(row.provider_charge_id !== null && { chargeId: row.provider_charge_id }),
    ...(row.decline_reason !== null && { declineReason: row.decline_reason }),
    ...(row.by_events && { byEvents: true }),
  };
}

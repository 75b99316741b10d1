import type { Database, Queryable, Transaction } from '@flotilla/postgres';
import { type OrderStatus, orderStatuses } from '@shop/contracts';
import { type Address, canBecome, type Order, type OrderLine } from './domain/order.ts';

/** Where orders live. Writes happen in the caller's transaction, together with outbox and saga. */
export interface OrderStore {
  insert(tx: Transaction, order: Order): Promise<void>;
  /**
   * Moves an order on if the transition is legal from where it stands now; returns whether it moved.
   * The check and the write are one statement, so two writers cannot both win.
   */
  advance(
    tx: Transaction,
    orderId: string,
    to: OrderStatus,
    at: Date,
    cancellationReason?: string,
  ): Promise<boolean>;
  /** An order of this customer; somebody else's order is not found. */
  find(orderId: string, customerId: string): Promise<Order | undefined>;
  /** The same, locked against other writers until the transaction ends. */
  lock(tx: Transaction, orderId: string, customerId: string): Promise<OrderStatus | undefined>;
  /** Orders of a customer, newest first, after the order `afterId`. */
  list(customerId: string, limit: number, afterId?: string): Promise<readonly Order[]>;
}

export function createOrderStore(db: Database): OrderStore {
  return {
    insert: insertOrder,
    advance: async (tx, orderId, to, at, cancellationReason) => {
      const from = orderStatuses.filter((status) => canBecome(status, to));
      const moved = await tx.query(ADVANCE, [orderId, from, to, at, cancellationReason ?? null]);
      return moved.length === 1;
    },
    find: async (orderId, customerId) => {
      if (!isUuid(orderId)) return undefined;
      const [row] = await db.query<OrderRow>(`${SELECT} WHERE o.id = $1 AND o.customer_id = $2`, [
        orderId,
        customerId,
      ]);
      return row && toOrder(row);
    },
    lock: async (tx, orderId, customerId) => await lockOrder(tx, orderId, customerId),
    list: async (customerId, limit, afterId) => {
      const rows = await db.query<OrderRow>(
        `${SELECT} WHERE o.customer_id = $1 AND ($2::uuid IS NULL OR o.id < $2) ORDER BY o.id DESC LIMIT $3`,
        [customerId, afterId ?? null, limit],
      );
      return rows.map(toOrder);
    },
  };
}

export function isUuid(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
}

const INSERT = `
  WITH placed AS (
    INSERT INTO customer_order (id, customer_id, customer_email, customer_name, tenant_id, idempotency_key, status,
                                currency, total_minor, shipping_address, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, 'Pending', $7, $8, $9, $10, $10)
    RETURNING id, version, status, created_at
  ), first_step AS (
    INSERT INTO order_history (order_id, version, status, at) SELECT id, version, status, created_at FROM placed
  )
  INSERT INTO order_line (order_id, line_number, product_id, name, quantity, unit_price_minor)
  SELECT placed.id, line.* FROM placed,
    unnest($11::int[], $12::text[], $13::text[], $14::int[], $15::bigint[]) AS line`;

async function insertOrder(tx: Transaction, order: Order): Promise<void> {
  const { customer, lines, total } = order;
  await tx.query(INSERT, [
    order.id,
    customer.id,
    customer.email ?? null,
    customer.name ?? null,
    customer.tenantId ?? null,
    order.idempotencyKey,
    total.currency,
    total.amountMinor,
    order.shippingAddress,
    order.createdAt,
    lines.map((_line, index) => index + 1),
    lines.map((line) => line.productId),
    lines.map((line) => line.name),
    lines.map((line) => line.quantity),
    lines.map((line) => line.unitPrice.amountMinor),
  ]);
}

const ADVANCE = `
  WITH moved AS (
    UPDATE customer_order SET status = $3, cancellation_reason = $5, version = version + 1, updated_at = $4
    WHERE id = $1 AND status = ANY ($2::text[])
    RETURNING id, version, status, updated_at
  )
  INSERT INTO order_history (order_id, version, status, at) SELECT id, version, status, updated_at FROM moved
  RETURNING version`;

async function lockOrder(
  tx: Queryable,
  orderId: string,
  customerId: string,
): Promise<OrderStatus | undefined> {
  if (!isUuid(orderId)) return undefined;
  const [row] = await tx.query<{ status: OrderStatus }>(
    'SELECT status FROM customer_order WHERE id = $1 AND customer_id = $2 FOR UPDATE',
    [orderId, customerId],
  );
  return row?.status;
}

interface OrderRow {
  readonly id: string;
  readonly customer_id: string;
  readonly customer_email: string | null;
  readonly customer_name: string | null;
  readonly tenant_id: string | null;
  readonly idempotency_key: string;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly total_minor: string;
  readonly shipping_address: Address;
  readonly cancellation_reason: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly lines: readonly {
    readonly productId: string;
    readonly name: string;
    readonly quantity: number;
    readonly amountMinor: number;
  }[];
  readonly history: readonly { readonly status: OrderStatus; readonly at: string }[];
}

const SELECT = `
  SELECT o.*,
    (SELECT jsonb_agg(jsonb_build_object('productId', l.product_id, 'name', l.name, 'quantity', l.quantity,
                                         'amountMinor', l.unit_price_minor) ORDER BY l.line_number)
       FROM order_line l WHERE l.order_id = o.id) AS lines,
    (SELECT jsonb_agg(jsonb_build_object('status', h.status, 'at', h.at) ORDER BY h.version)
       FROM order_history h WHERE h.order_id = o.id) AS history
  FROM customer_order o`;

function toOrder(row: OrderRow): Order {
  return {
    id: row.id,
    customer: {
      id: row.customer_id,
      ...(row.customer_email !== null && { email: row.customer_email }),
      ...(row.customer_name !== null && { name: row.customer_name }),
      ...(row.tenant_id !== null && { tenantId: row.tenant_id }),
    },
    idempotencyKey: row.idempotency_key,
    status: row.status,
    lines: row.lines.map((line) => toLine(line, row.currency)),
    total: { amountMinor: Number(row.total_minor), currency: row.currency },
    shippingAddress: row.shipping_address,
    ...(row.cancellation_reason !== null && { cancellationReason: row.cancellation_reason }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    history: row.history.map((step) => ({ status: step.status, at: new Date(step.at) })),
  };
}

function toLine(line: OrderRow['lines'][number], currency: string): OrderLine {
  return {
    productId: line.productId,
    name: line.name,
    quantity: line.quantity,
    unitPrice: { amountMinor: line.amountMinor, currency },
  };
}

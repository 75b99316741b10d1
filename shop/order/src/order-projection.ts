import { defineProjection, type Projection, type Recorded } from '@flotilla/event-store';
import { type OrderEvent, STATUS_AFTER } from './domain/order.ts';
import { orderEvents } from './order-events.ts';

const PLACE = `
  INSERT INTO order_view_row (generation, id, customer_id, customer_email, customer_name, tenant_id, idempotency_key,
    status, currency, total_minor, shipping_address, lines, agreement, history, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::jsonb, $13, $14::text::jsonb, $15, $15)`;

const ADVANCE = `
  UPDATE order_view_row SET status = $3, cancellation_reason = $4, version = $5, updated_at = $6,
    history = history || $7::text::jsonb
  WHERE generation = $1 AND id = $2`;

/** The orders as the API shows them, written in the transaction of each event: who places an order reads it. */
export const orderView: Projection = defineProjection<OrderEvent>({
  name: 'order_view',
  version: 1,
  inline: true,
  categories: [orderEvents],
  tables: ['order_view_row'],
  handle: async (tx, event, { generation }) => {
    const id = event.streamId.slice(orderEvents.name.length + 1);
    const status = STATUS_AFTER[event.type];
    const { at } = event.data;
    const step = JSON.stringify([{ status, at }]);
    if (event.type === 'order-placed') {
      await tx.query(PLACE, [generation, id, ...placedColumns(event), step, at]);
      return;
    }
    const reason = event.type === 'order-cancelled' ? event.data.reason : null;
    await tx.query(ADVANCE, [generation, id, status, reason, event.version, at, step]);
  },
});

function placedColumns({ data }: Extract<Recorded<OrderEvent>, { type: 'order-placed' }>) {
  const { customer, total, lines } = data;
  return [
    customer.id,
    customer.email ?? null,
    customer.name ?? null,
    customer.tenantId ?? null,
    data.idempotencyKey,
    STATUS_AFTER['order-placed'],
    total.currency,
    total.amountMinor,
    data.shippingAddress,
    JSON.stringify(lines),
    data.agreement ?? null,
  ];
}

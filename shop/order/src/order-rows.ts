import type { Money } from '@flotilla/kernel';
import type { OrderStatus } from '@shop/contracts';
import type { Address, Agreement, Order, OrderLine } from './domain/order.ts';

/** A row of the read model `order_view`. */
export interface OrderRow {
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
  readonly lines: readonly OrderLine[];
  readonly agreement: Agreement | null;
  readonly history: readonly { readonly status: OrderStatus; readonly at: string }[];
}

export function toOrder(row: OrderRow): Order {
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
    lines: row.lines.map(toLine),
    total: { amountMinor: Number(row.total_minor), currency: row.currency },
    ...(row.agreement !== null && { agreement: toAgreement(row.agreement) }),
    shippingAddress: row.shipping_address,
    ...(row.cancellation_reason !== null && { cancellationReason: row.cancellation_reason }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    history: row.history.map((step) => ({ status: step.status, at: new Date(step.at) })),
  };
}

/** jsonb orders keys by its own taste; answers keep ours. */
function toLine({ productId, name, quantity, unitPrice }: OrderLine): OrderLine {
  return { productId, name, quantity, unitPrice: toMoney(unitPrice) };
}

function toAgreement({ quoteId, discounts, shipping, tax, coupon }: Agreement): Agreement {
  return {
    quoteId,
    discounts: discounts.map(({ code, name, amount }) => ({ code, name, amount: toMoney(amount) })),
    shipping: toMoney(shipping),
    tax: toMoney(tax),
    ...(coupon && { coupon: { code: coupon.code, discount: toMoney(coupon.discount) } }),
  };
}

function toMoney({ amountMinor, currency }: Money): Money {
  return { amountMinor, currency };
}

import type { Static } from '@flotilla/kernel';
import type { orderSchema } from '@shop/contracts';
import type { Agreement, Order } from './domain/order.ts';

export type OrderView = Static<typeof orderSchema>;

/** An order as the public contract shows it. */
export function viewOrder(order: Order): OrderView {
  return {
    id: order.id,
    status: order.status,
    items: order.lines,
    total: order.total,
    ...(order.agreement && viewAgreement(order.agreement)),
    ...(order.cancellationReason !== undefined && { cancellationReason: order.cancellationReason }),
    createdAt: order.createdAt.toISOString(),
    updatedAt: order.updatedAt.toISOString(),
    history: order.history.map(({ status, at }) => ({ status, at: at.toISOString() })),
  };
}

function viewAgreement({ coupon, ...agreed }: Agreement) {
  return { ...agreed, ...(coupon && { coupon: coupon.code }) };
}

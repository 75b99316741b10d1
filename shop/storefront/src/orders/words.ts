import type { OrderStatus } from '../api/types.ts';

const WORDS: Readonly<Record<OrderStatus, string>> = {
  Pending: 'Placed',
  InventoryReserved: 'Reserved',
  PaymentProcessed: 'Paid',
  Confirmed: 'Confirmed',
  Cancelled: 'Cancelled',
};

export function statusWords(status: OrderStatus): string {
  return WORDS[status] ?? status;
}

/** The way of an order that goes well. */
export const COURSE: readonly OrderStatus[] = [
  'Pending',
  'InventoryReserved',
  'PaymentProcessed',
  'Confirmed',
];

export function isOver(status: OrderStatus): boolean {
  return status === 'Confirmed' || status === 'Cancelled';
}

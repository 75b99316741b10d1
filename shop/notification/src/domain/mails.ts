import type { Money, Static } from '@flotilla/kernel';
import type { orderCancelled, orderConfirmed, userRegistered } from '@shop/contracts';
import { moneyText } from './money-text.ts';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

type UserRegistered = Static<(typeof userRegistered)['schema']>;
type OrderConfirmed = Static<(typeof orderConfirmed)['schema']>;
type OrderCancelled = Static<(typeof orderCancelled)['schema']>;

export function welcomeMail(user: UserRegistered): Mail {
  return {
    to: user.email,
    subject: 'Welcome to the Flotilla shop',
    text: letter(user.name, [
      'Your account is ready. You can log in with this e-mail address and the password you chose.',
      'If it was not you who signed up, you can ignore this mail: nobody can order in your name without the password.',
    ]),
  };
}

/** `undefined` when the order does not say whom to write to. */
export function confirmationMail(order: OrderConfirmed): Mail | undefined {
  if (order.customerEmail === undefined) return undefined;
  return {
    to: order.customerEmail,
    subject: `Your order ${order.orderId} is confirmed`,
    text: letter(order.customerName, [
      `Thank you for your order. It is paid and will be on its way to you soon.`,
      orderText(order),
      `Shipment ${order.shipmentId}`,
    ]),
  };
}

/** `undefined` when the order does not say whom to write to. */
export function cancellationMail(order: OrderCancelled): Mail | undefined {
  if (order.customerEmail === undefined) return undefined;
  return {
    to: order.customerEmail,
    subject: `Your order ${order.orderId} was cancelled`,
    text: letter(order.customerName, [
      `Your order was cancelled: ${REASONS[order.reason] ?? 'we could not complete it'}.`,
      orderText(order),
      'You pay nothing: whatever was charged for this order has been refunded in full.',
    ]),
  };
}

const REASONS: Readonly<Record<string, string>> = {
  'out-of-stock': 'not enough of a product was left',
  'payment-declined': 'your payment was declined',
  'shipping-unavailable': 'we cannot ship to your address',
  'cancelled-by-customer': 'you asked us to',
  'order-expired': 'we could not complete it in time',
};

interface OrderedItems {
  readonly orderId: string;
  readonly items: readonly { readonly name: string; readonly quantity: number; readonly unitPrice: Money }[];
  readonly total: Money;
}

function orderText({ orderId, items, total }: OrderedItems): string {
  const lines = items.map(
    (item) => `  ${item.quantity} × ${oneLine(item.name)}, ${moneyText(item.unitPrice)} each`,
  );
  return [`Order ${orderId}`, ...lines, `  Total: ${moneyText(total)}`].join('\n');
}

export function letter(name: string | undefined, paragraphs: readonly string[]): string {
  const greeting = name === undefined ? 'Hello,' : `Hello ${oneLine(name)},`;
  return `${[greeting, ...paragraphs, 'The Flotilla shop'].join('\n\n')}\n`;
}

/** Names are written by others: they must not be able to start a line of their own in our mail. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

import type { Money, Static } from '@flotilla/kernel';
import type { orderCancelled, orderConfirmed, orderPlaced, userRegistered } from '@shop/contracts';
import { type Language, moneyText } from './language.ts';
import { type Block, type Mail, paragraph, wordsOf, writeMail } from './letter.ts';

type OrderConfirmed = Static<(typeof orderConfirmed)['schema']>;

export function welcomeMail(user: Static<(typeof userRegistered)['schema']>, language: Language): Mail {
  const { subject, paragraphs } = wordsOf(language).welcome;
  const letter = { to: user.email, name: user.name, subject, blocks: paragraphs.map(paragraph) };
  return writeMail(letter, language);
}

/*
 * Mails about orders: `undefined` when the order does not say whom to write to.
 */

export function receivedMail(
  order: Static<(typeof orderPlaced)['schema']>,
  language: Language,
): Mail | undefined {
  const words = wordsOf(language).received;
  const blocks = [...words.paragraphs.map(paragraph), orderBlock(order, language)];
  return orderMail(order, words.subject(order.orderId), blocks, language);
}

export function confirmationMail(order: OrderConfirmed, language: Language): Mail | undefined {
  const words = wordsOf(language).confirmed;
  const blocks = [...words.paragraphs.map(paragraph), orderBlock(order, language)];
  return orderMail(order, words.subject(order.orderId), blocks, language);
}

export function shippedMail(order: OrderConfirmed, language: Language): Mail | undefined {
  const words = wordsOf(language).shipped;
  const blocks = [
    ...words.paragraphs.map(paragraph),
    paragraph(words.shipment(order.shipmentId)),
    orderBlock(order, language),
  ];
  return orderMail(order, words.subject(order.orderId), blocks, language);
}

export function cancellationMail(
  order: Static<(typeof orderCancelled)['schema']>,
  language: Language,
): Mail | undefined {
  const words = wordsOf(language).cancelled;
  const blocks = [
    paragraph(words.because(words.reasons[order.reason] ?? words.otherwise)),
    orderBlock(order, language),
    paragraph(words.refund),
  ];
  return orderMail(order, words.subject(order.orderId), blocks, language);
}

interface OrderFacts {
  readonly orderId: string;
  readonly customerEmail?: string;
  readonly customerName?: string;
  readonly items: readonly { readonly name: string; readonly quantity: number; readonly unitPrice: Money }[];
  readonly total: Money;
}

function orderMail(
  { customerEmail, customerName }: OrderFacts,
  subject: string,
  blocks: readonly Block[],
  language: Language,
): Mail | undefined {
  if (customerEmail === undefined) return undefined;
  return writeMail({ to: customerEmail, name: customerName, subject, blocks, isOptional: true }, language);
}

function orderBlock({ orderId, items, total }: OrderFacts, language: Language): Block {
  const words = wordsOf(language).order;
  const lines = items.map(({ name, quantity, unitPrice }) =>
    words.item({ name, quantity, price: moneyText(unitPrice, language) }),
  );
  return {
    kind: 'lines',
    title: words.title(orderId),
    lines: [...lines, words.total(moneyText(total, language))],
  };
}

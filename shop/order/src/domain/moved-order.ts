import { accept, type Result, reject, type Static } from '@flotilla/kernel';
import type { legacyRecordSchema, OrderStatus, orderSchema } from '@shop/contracts';

/** An order of the monolith in our own words: as customers see it, but for its id. */
export type MovedContent = Omit<Static<typeof orderSchema>, 'id'>;
export type LegacyRecord = Static<typeof legacyRecordSchema>;

const PREFIX = 'legacy-';

/** The number of `legacy-1001`; `undefined` for ids of our own orders. */
export function legacyNumber(orderId: string): number | undefined {
  const digits = /^legacy-([1-9]\d{0,8})$/.exec(orderId)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function legacyId(number: number): string {
  return `${PREFIX}${number}`;
}

/** What the monolith's states are to us, and the day on which each was reached. */
const STATES = [
  ['N', 'Pending', 'placedOn'],
  ['P', 'PaymentProcessed', 'paidOn'],
  ['S', 'Confirmed', 'sentOn'],
  ['X', 'Cancelled', 'cancelledOn'],
] as const satisfies readonly (readonly [LegacyRecord['state'], OrderStatus, keyof LegacyRecord])[];

/** Nothing of the monolith's words gets past here: no letters for states, no euros in decimals, no days in columns. */
export function translate(record: LegacyRecord): MovedContent {
  const history = STATES.flatMap(([, status, day]) => {
    const at = record[day];
    return at === null ? [] : [{ status, at }];
  });
  const status = STATES.find(([state]) => state === record.state)?.[1] ?? 'Pending';
  return {
    status,
    items: record.positions.map(({ article, title, pieces, price }) => ({
      productId: article,
      name: title,
      quantity: pieces,
      unitPrice: euros(price),
    })),
    total: euros(record.sum),
    ...(record.remark !== null && { cancellationReason: record.remark }),
    createdAt: record.placedOn,
    updatedAt: history.at(-1)?.at ?? record.placedOn,
    history,
  };
}

/** `39.98` without going through a fraction, which has no cents. */
function euros(text: string) {
  const [whole = '0', cents = '0'] = text.split('.');
  return { amountMinor: Number(whole) * 100 + Number(cents), currency: 'EUR' };
}

/** May an order that was moved be cancelled? */
export function canCancel(content: MovedContent): Result<'now' | 'already', 'too-late'> {
  if (content.status === 'Cancelled') return accept('already');
  return content.status === 'Confirmed' ? reject('too-late') : accept('now');
}

export function cancelled(content: MovedContent, at: Date, reason: string): MovedContent {
  const day = at.toISOString();
  const status = 'Cancelled';
  return {
    ...content,
    status,
    cancellationReason: reason,
    updatedAt: day,
    history: [...content.history, { status, at: day }],
  };
}

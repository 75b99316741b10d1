import type { Static } from '@flotilla/kernel';
import type { legacyRecordSchema, legacyStates, OrderStatus, orderSchema } from '@shop/contracts';

/** An order with its positions, as the tables have it. */
export interface OrderRow {
  readonly no: number;
  readonly account_id: string;
  readonly state: (typeof legacyStates)[number];
  readonly sum: string;
  readonly remark: string | null;
  readonly placed_on: Date;
  readonly paid_on: Date | null;
  readonly sent_on: Date | null;
  readonly cancelled_on: Date | null;
  readonly version: number;
  readonly moved_on: Date | null;
  readonly positions: readonly Position[];
}

interface Position {
  readonly article: string;
  readonly title: string;
  readonly pieces: number;
  readonly price: string;
}

const PREFIX = 'legacy-';

/** `legacy-1001` is 1001; what is no id of the monolith is 0, which no order has. */
export function numberOf(id: string): number {
  const digits = /^legacy-([1-9]\d{0,8})$/.exec(id)?.[1];
  return Number(digits ?? 0);
}

const STATUS: Readonly<Record<OrderRow['state'], OrderStatus>> = {
  N: 'Pending',
  P: 'PaymentProcessed',
  S: 'Confirmed',
  X: 'Cancelled',
};

/** The order as customers see it. */
export function answerOf(row: OrderRow): Static<typeof orderSchema> {
  const days = [row.placed_on, row.paid_on, row.sent_on, row.cancelled_on] as const;
  const history = (['N', 'P', 'S', 'X'] as const).flatMap((state, index) => {
    const day = days[index];
    return day ? [{ status: STATUS[state], at: day.toISOString() }] : [];
  });
  return {
    id: `${PREFIX}${row.no}`,
    status: STATUS[row.state],
    items: row.positions.map(({ article, title, pieces, price }) => ({
      productId: article,
      name: title,
      quantity: pieces,
      unitPrice: money(price),
    })),
    total: money(row.sum),
    ...(row.remark !== null && { cancellationReason: row.remark }),
    createdAt: row.placed_on.toISOString(),
    updatedAt: (row.cancelled_on ?? row.sent_on ?? row.paid_on ?? row.placed_on).toISOString(),
    history,
  };
}

/** `numeric` arrives as text with all its digits. */
const money = (euros: string) => ({ amountMinor: Math.round(Number(euros) * 100), currency: 'EUR' });

/** The order as who moves it sees it. */
export function recordOf(row: OrderRow): Static<typeof legacyRecordSchema> {
  const { no: number, version, account_id: accountId, state, sum, remark, positions } = row;
  return {
    ...{ number, version, accountId, state, sum, remark, positions },
    placedOn: row.placed_on.toISOString(),
    paidOn: row.paid_on?.toISOString() ?? null,
    sentOn: row.sent_on?.toISOString() ?? null,
    cancelledOn: row.cancelled_on?.toISOString() ?? null,
    isMoved: row.moved_on !== null,
  };
}

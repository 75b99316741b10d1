import { systemClock } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import { MongoClient } from 'mongodb';
import { createJournal, type Entry, type Journal } from '../src/documents/journal.ts';
import { apply, type Operation, WholeState } from '../src/documents/state.ts';

/** What the tables of the other store would say after a journal. */
export interface Records {
  readonly product: readonly {
    readonly id: string;
    readonly name: string;
    readonly description: string;
    readonly price_minor: number;
    readonly currency: string;
  }[];
  readonly stock: readonly {
    readonly product_id: string;
    readonly on_hand: number;
    readonly reserved: number;
  }[];
  readonly reservation: readonly {
    readonly order_id: string;
    readonly status: string;
    readonly expires_at: string;
  }[];
  readonly reservation_line: readonly {
    readonly order_id: string;
    readonly product_id: string;
    readonly quantity: number;
  }[];
  readonly stock_movement: readonly Movement[];
}

interface Movement {
  readonly id: number;
  readonly product_id: string;
  readonly kind: string;
  readonly quantity: number;
  readonly order_id: string | null;
  readonly actor: string;
}

export async function readAll(journal: Journal): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (;;) {
    const more = await journal.readAfter(entries.length);
    if (more.length === 0) return entries;
    entries.push(...more);
  }
}

/** Of the inventory that has its documents there. */
export async function readRecords(uri: string): Promise<Records> {
  const client = new MongoClient(uri);
  try {
    return recordsOf(await readAll(createJournal(client.db(), systemClock)));
  } finally {
    await client.close();
  }
}

/** Folds a journal again, from its first entry and by itself. Throws for a gap, and for what must never be. */
export function recordsOf(entries: readonly Entry[]): Records {
  const state = new WholeState();
  const movements: Movement[] = [];
  for (const [index, { _id, operations }] of entries.entries()) {
    if (_id !== index + 1) throw new RangeError(`entry ${index + 1} of the journal is missing`);
    for (const operation of operations) {
      for (const movement of movementsOf(state, operation))
        movements.push({ id: movements.length + 1, ...movement });
      apply(state, operation);
    }
  }
  return {
    product: [...state.products.values()].map(({ price: { amountMinor, currency }, ...product }) => ({
      ...product,
      ...{ price_minor: amountMinor, currency },
    })),
    stock: [...state.stocks].map(([product_id, { onHand, reserved }]) => ({
      product_id,
      on_hand: onHand,
      reserved,
    })),
    reservation: [...state.orders].map(([order_id, { status, untilMs }]) => ({
      ...{ order_id, status },
      expires_at: new Date(untilMs).toISOString(),
    })),
    reservation_line: [...state.orders].flatMap(([order_id, { lines }]) =>
      lines.map(({ productId, quantity }) => ({ order_id, product_id: productId, quantity })),
    ),
    stock_movement: movements,
  };
}

/** Before the operation is applied. */
function movementsOf(state: WholeState, operation: Operation): readonly Omit<Movement, 'id'>[] {
  switch (operation.do) {
    case 'add':
      return [byHand(operation.product.id, 'initial', operation.onHand, operation.actor)];
    case 'count': {
      const { onHand = 0 } = state.stock(operation.productId) ?? {};
      return [byHand(operation.productId, 'adjustment', operation.onHand - onHand, operation.actor)];
    }
    case 'sell':
      return ofOrder(state, operation.orderId, 'sale', -1);
    case 'take-back':
      return ofOrder(state, operation.orderId, 'return', 1);
    default:
      return [];
  }
}

function byHand(product_id: string, kind: string, quantity: number, actor: string): Omit<Movement, 'id'> {
  return { product_id, kind, quantity, order_id: null, actor };
}

function ofOrder(
  state: WholeState,
  orderId: string,
  kind: string,
  sign: number,
): readonly Omit<Movement, 'id'>[] {
  return (state.order(orderId)?.lines ?? []).map(({ productId, quantity }) => ({
    ...{ product_id: productId, kind, quantity: sign * quantity },
    ...{ order_id: orderId, actor: 'inventory' },
  }));
}

/** Puts the records in front of the tables of the same names for this transaction, so that SQL about those speaks of them. */
export async function standInForTables(tx: Transaction, records: Records): Promise<void> {
  for (const [table, rows] of Object.entries(records)) {
    // Without its constraints: a journal says nothing of some columns.
    await tx.query(`CREATE TEMP TABLE ${table} ON COMMIT DROP AS SELECT * FROM public.${table} WITH NO DATA`);
    await tx.query(`INSERT INTO ${table} SELECT * FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb)`, [
      JSON.stringify(rows),
    ]);
  }
}

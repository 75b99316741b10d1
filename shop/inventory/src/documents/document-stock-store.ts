import { accept, type Clock, reject } from '@flotilla/kernel';
import { findShortage, type Shortage, type StockLine } from '../domain/stock-line.ts';
import type { OrderStock, StockOfOrders, StockStore } from '../stock-store.ts';
import type { DocumentState } from './commit-in-groups.ts';
import type { Draft } from './state.ts';

export interface DocumentStockDeps {
  readonly documents: DocumentState;
  /** Says when a reservation ends: documents have no time of the server. */
  readonly clock: Clock;
}

/**
 * Stock in a journal of documents. A change is committed with the others of its process that wait; the changes of all processes
 * are one sequence.
 */
export function createDocumentStockStore({ documents, clock }: DocumentStockDeps): StockStore {
  const nowMs = () => clock.now().getTime();
  const ofOrders: StockOfOrders = {
    inOrder: (orderId, work) => documents.change((draft) => work(openOrder(draft, orderId, nowMs))),
  };
  return {
    ...ofOrders,
    // Committed before the transaction: when that is repeated, the order says what has been done already.
    within: () => ofOrders,
    find: (productId) => documents.read((state) => state.stock(productId)),
    setOnHand: (productId, onHand, actor) =>
      documents.change(async (draft) => {
        const stock = draft.stock(productId);
        if (stock === undefined) return reject('product-not-found');
        if (stock.reserved > onHand) return reject('stock-reserved');
        draft.do({ do: 'count', productId, onHand, actor });
        return accept({ onHand, reserved: stock.reserved });
      }),
    expireDue: (limit) =>
      documents.change(async (draft, state) => {
        const due = state.due(nowMs(), limit).filter((orderId) => draft.order(orderId)?.status === 'held');
        for (const orderId of due) draft.do({ do: 'expire', orderId });
        return due.length;
      }),
  };
}

function openOrder(draft: Draft, orderId: string, nowMs: () => number): OrderStock {
  const end = async (what: 'sell' | 'give-back' | 'take-back' | 'bar') => draft.do({ do: what, orderId });
  return {
    find: async () => draft.order(orderId),
    hold: async (lines, ttlSeconds) => {
      const shortage = shortageOf(draft, lines);
      if (shortage === undefined)
        draft.do({ do: 'hold', orderId, lines, untilMs: nowMs() + ttlSeconds * 1_000 });
      return shortage;
    },
    sell: () => end('sell'),
    giveBack: () => end('give-back'),
    takeBack: () => end('take-back'),
    bar: () => end('bar'),
  };
}

function shortageOf(draft: Draft, lines: readonly StockLine[]): Shortage | undefined {
  const free = lines.flatMap(({ productId }) => {
    const stock = draft.stock(productId);
    return stock === undefined ? [] : [{ productId, free: stock.onHand - stock.reserved }];
  });
  return findShortage(lines, free);
}

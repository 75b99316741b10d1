import { accept, crashPoint, type Result, reject } from '@flotilla/kernel';
import { decideReserve } from '../domain/reservation.ts';
import { mergeLines, type Shortage, type StockLine } from '../domain/stock-line.ts';
import type { StockOfOrders } from '../stock-store.ts';

export type ReserveRejection = Shortage | 'order-closed' | 'other-lines';

export interface ReserveStockDeps {
  readonly stock: StockOfOrders;
  readonly reservationTtlSeconds: number;
}

/**
 * Reserves all lines of an order or none. Idempotent by order id: asked again with the same lines it changes
 * nothing. A refusal leaves no trace, so that the same order may be asked for again when stock has come in.
 */
export async function reserveStock(
  { stock, reservationTtlSeconds }: ReserveStockDeps,
  orderId: string,
  requested: readonly StockLine[],
): Promise<Result<'reserved', ReserveRejection>> {
  const lines = mergeLines(requested);
  const result = await stock.inOrder(orderId, async (order) => {
    const decision = decideReserve(await order.find(), lines);
    if (decision === 'order-closed' || decision === 'other-lines') return reject(decision);
    if (decision === 'already') return accept('reserved' as const);
    const shortage = await order.hold(lines, reservationTtlSeconds);
    if (shortage) return reject(shortage);
    crashPoint('inventory.before-reserve-commit');
    return accept('reserved' as const);
  });
  crashPoint('inventory.after-reserve-commit');
  return result;
}

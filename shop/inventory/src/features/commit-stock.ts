import { accept, crashPoint, type Result, reject } from '@flotilla/kernel';
import { decideCommit } from '../domain/reservation.ts';
import type { ReserveStockDeps } from './reserve-stock.ts';

/**
 * Turns the reservation of an order into a sale. Idempotent. A reservation that has expired is taken again
 * first, which fails when others have bought the goods meanwhile.
 */
export async function commitStock(
  { stock, reservationTtlSeconds }: ReserveStockDeps,
  orderId: string,
): Promise<Result<'committed', 'out-of-stock' | 'order-closed'>> {
  const result = await stock.inOrder(orderId, async (order) => {
    const reservation = await order.find();
    const decision = decideCommit(reservation);
    if (reservation === undefined || decision === 'order-closed') return reject('order-closed' as const);
    if (decision === 'already') return accept('committed' as const);
    if (decision === 'sell-free' && (await order.hold(reservation.lines, reservationTtlSeconds))) {
      return reject('out-of-stock' as const);
    }
    await order.sell(reservation.lines);
    crashPoint('inventory.before-commit-stock-commit');
    return accept('committed' as const);
  });
  crashPoint('inventory.after-commit-stock-commit');
  return result;
}

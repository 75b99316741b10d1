import { crashPoint } from '@flotilla/kernel';
import { decideRelease } from '../domain/reservation.ts';
import type { OrderStock, StockOfOrders } from '../stock-store.ts';

/**
 * Gives back whatever the order holds or took, once, and closes it: a reserve or commit that arrives later is
 * refused, also when this is the first that is heard of the order. Tells whether there was something to give back.
 */
export async function releaseStock(
  { stock }: { readonly stock: StockOfOrders },
  orderId: string,
): Promise<boolean> {
  const released = await stock.inOrder(orderId, async (order) => {
    const released = await release(order);
    crashPoint('inventory.before-release-commit');
    return released;
  });
  crashPoint('inventory.after-release-commit');
  return released;
}

async function release(order: OrderStock): Promise<boolean> {
  const reservation = await order.find();
  const lines = reservation?.lines ?? [];
  switch (decideRelease(reservation)) {
    case 'give-back-held':
      await order.giveBack(lines);
      return true;
    case 'take-back-sold':
      await order.takeBack(lines);
      return true;
    case 'bar':
      await order.bar();
      return false;
    case 'already':
      return false;
  }
}

import type { Stage } from '@flotilla/cli';
import { openShop } from './shop.ts';

/** By what the order that was placed last runs: an order keeps the flow that it began with. */
export async function flowOf(stage: Stage, orderId: string): Promise<'orchestration' | 'choreography'> {
  const shop = await openShop(stage);
  const rows = await shop.sql('order', 'SELECT FROM saga_instance WHERE id::text = $1', [orderId]);
  return rows.length > 0 ? 'orchestration' : 'choreography';
}

/** Why a demo of a flow is not possible here: new orders take the other one. */
export async function needsFlow(
  stage: Stage,
  wanted: 'orchestration' | 'choreography',
): Promise<string | undefined> {
  const shop = await openShop(stage);
  const { body } = await shop.placeOrder();
  const flow = await flowOf(stage, String(body.id));
  if (flow === wanted) return undefined;
  return `orders run by ${flow} here; start the shop with ORDER_FLOW=${wanted} flotilla up`;
}

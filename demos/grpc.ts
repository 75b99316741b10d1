import { claim, defineDemo } from '@flotilla/cli';
import { InventoryService } from '@shop/contracts/gen/inventory';
import { connectInventory } from './inventory.ts';
import { openShop } from './shop.ts';

export const grpc = defineDemo({
  name: 'grpc',
  chapter: '3.3',
  does: 'Asks the inventory by its protobuf contract, as the order service does.',
  look: ['shop/contracts/proto', 'flotilla ps --json: `grpc`', 'docs/communication.md'],
  without: 'Types of requests end at the border of a process, and a renamed field is found in production.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    return { shop, client: await connectInventory(stage, 'inventory.read') };
  },
  act: async (stage, { shop, client }) => {
    stage.say(`${InventoryService.typeName}/CheckAvailability sku-0001, 2`);
    try {
      const answer = await client.checkAvailability({ productId: 'sku-0001', quantity: 2 });
      const overHttp = await shop.call('GET', '/products/sku-0001/availability?quantity=2');
      const refused = await client
        .reserveStock({ orderId: 'demo', lines: [{ productId: 'sku-0001', quantity: 1 }] })
        .then(
          () => 'reserved',
          (error: unknown) => String((error as { readonly code?: string }).code),
        );
      return { answer, overHttp, refused };
    } finally {
      client.close();
    }
  },
  check: ({ answer, overHttp, refused }) => [
    claim(
      'both protocols say the same',
      answer.currentStock === overHttp.body.currentStock,
      `${answer.currentStock} and ${overHttp.body.currentStock}`,
    ),
    claim('a token that may only read reserves nothing', refused !== 'reserved', refused),
  ],
});

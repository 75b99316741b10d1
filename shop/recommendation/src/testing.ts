import { join } from 'node:path';
import { eventStoreMigrations, listProjections } from '@flotilla/event-store';
import { eventually } from '@flotilla/kernel/testing';
import { inboxMigrations } from '@flotilla/messaging';
import { createTestService } from '@flotilla/service/testing';
import { orderConfirmed } from '@shop/contracts';
import { createRecommendationApp } from './app.ts';
import type { Product } from './catalogue.ts';

const migrations = { name: 'recommendation', directory: join(import.meta.dirname, '../migrations') };

export function productOf(id: string, available = true): Product {
  return {
    ...{ id, name: `Product ${id}`, description: '', available },
    price: { amountMinor: 100, currency: 'EUR' },
    imageUrl: `/products/${id}/image.svg`,
    thumbnailUrl: `/products/${id}/thumbnail.svg`,
  };
}

/** The recommendation service beside a catalogue that the test fills. */
export async function startRecommendation() {
  const service = await createTestService('recommendation', [
    eventStoreMigrations,
    migrations,
    inboxMigrations,
  ]);
  const catalogue = new Map<string, Product>();
  const app = createRecommendationApp({
    ...service,
    catalogue: {
      show: async (ids) => ids.flatMap((id) => catalogue.get(id) ?? []),
      first: async (limit) => [...catalogue.keys()].sort().slice(0, limit),
    },
  });
  service.serve(app.handlers);
  await service.consume(app.subscriptions, { maxBatch: 50 });
  app.projections.start();
  service.defer(() => app.projections.close());

  return {
    ...service,
    app,
    catalogue,
    stock: (...ids: readonly string[]) => {
      for (const id of ids) catalogue.set(id, productOf(id));
    },
    /** An order was confirmed, some seconds after those before it. */
    buy: async (customerId: string, products: readonly string[], orderId = service.newId()) => {
      const unitPrice = { amountMinor: 100, currency: 'EUR' };
      return await service.publish(orderConfirmed, {
        ...{ orderId, customerId, idempotencyKey: 'key', total: unitPrice, shipmentId: 'shipment' },
        items: products.map((productId) => ({ productId, name: productId, quantity: 1, unitPrice })),
        confirmedAt: new Date().toISOString(),
      });
    },
    /** Waits until so many orders are in the log, and counted. */
    counted: async (orders: number) => {
      await eventually(`${orders} orders are counted`, async () => {
        const [row] = await service.db.query<{ n: number }>('SELECT count(*)::integer AS n FROM event');
        if (row?.n !== orders) return false;
        const generations = await listProjections(service.db);
        return generations.every(({ state, lagEvents }) => state !== 'active' || lagEvents === 0);
      });
    },
    ids: async (url: string, as?: Readonly<Record<string, unknown>>) => {
      const answer = await service.request<{ items: readonly Product[] }>('GET', url, { ...(as && { as }) });
      return answer.body.items.map(({ id }) => id);
    },
  };
}

export type RecommendationRig = Awaited<ReturnType<typeof startRecommendation>>;

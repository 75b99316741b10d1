import { join } from 'node:path';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createHttpHost } from '@flotilla/http';
import { systemClock, uuidv7 } from '@flotilla/kernel';
import { createOutbox, inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import { createDatabase } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createPricingApp } from '../../shop/pricing/src/app.ts';
import { evaluate } from '../../shop/pricing/src/domain/evaluate.ts';
import type { Promotion } from '../../shop/pricing/src/domain/promotion.ts';
import { bindPromotions } from '../../shop/pricing/src/domain/promotion-book.ts';
import { createRulesStore } from '../../shop/pricing/src/rules-store.ts';
import { startPostgresServer } from '../postgres-server.ts';
import type { Figures } from '../report.ts';

const PRODUCTS = 200;
const LINES = 5;
const AT_ONCE = 16;

const eur = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });
const productAt = (n: number) => `sku-${n % PRODUCTS}`;

/** Nine of ten concern two products each, the others orders; two of those apply to each order. */
function makePromotions(count: number): readonly Promotion[] {
  return Array.from({ length: count }, (_, n): Promotion => {
    const common = {
      id: `promotion-${n}`,
      name: `Promotion ${n}`,
      priority: n % 7,
      exclusive: false,
      couponOnly: false,
    };
    if (n % 10 !== 0) {
      const products = [productAt(n), productAt(n * 7)];
      return { ...common, discount: { kind: 'percentage', basisPoints: 50, products } };
    }
    const applies = n < 20;
    return {
      ...common,
      discount: { kind: 'percentage', basisPoints: 100 },
      minimum: eur(applies ? 1 : 1_000_000_000),
    };
  });
}

function cpuMicros(work: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(work);
  return user + system;
}

/** The rules alone. */
export function measureEvaluation(promotions: number, count: number): Figures {
  const book = bindPromotions(makePromotions(promotions));
  const circumstances = { at: new Date(), currency: 'EUR', shippingMinor: 490, taxBasisPoints: 2_000 };
  let total = 0;
  const before = process.cpuUsage();
  for (let n = 0; n < count; n += 1) {
    const lines = Array.from({ length: LINES }, (_, line) => ({
      ...{ productId: productAt(n + line), name: 'Product', quantity: 2 },
      unitPrice: eur(1_999),
    }));
    total += evaluate(lines, book, circumstances).total.amountMinor;
  }
  if (total === 0) throw new Error('orders cost something');
  return { 'CPU µs': cpuMicros(before) / count };
}

/** `POST /quotes` of the whole service on a PostgreSQL, without the network: what its process needs of a core. */
export async function startQuotes() {
  const server = await startPostgresServer();
  const directory = join(import.meta.dirname, '../../shop/pricing/migrations');
  const issuer = createTestIssuer();
  const authorization = `Bearer ${await issuer.sign({ sub: 'alice' })}`;
  const services = new Map<number, Awaited<ReturnType<typeof start>>>();

  async function start(promotions: number) {
    const name = `pricing_${promotions}`;
    const uri = await server.database(name, [
      { name: 'pricing', directory },
      outboxMigrations,
      inboxMigrations,
    ]);
    const db = createDatabase({ uri, applicationName: name });
    const rules = createRulesStore(db);
    for (const promotion of makePromotions(promotions)) await rules.addPromotion(promotion, 'bench');
    const app = createPricingApp({
      db,
      outbox: createOutbox({ source: 'pricing' }),
      lookUpProducts: async (ids) => ids.map((id) => ({ id, name: 'Product', price: eur(1_999) })),
      clock: systemClock,
      newId: uuidv7,
      quoteTtlMs: 900_000,
    });
    const host = createHttpHost({
      ...{ service: 'pricing', handlers: app.handlers, readiness: {}, verifyToken: issuer.verify },
      ...{ logger: silentLogger, metrics: createMetrics() },
    });
    return { db, host };
  }

  async function quote(promotions: number, n: number): Promise<void> {
    const service = services.get(promotions) ?? (await start(promotions));
    services.set(promotions, service);
    const items = Array.from({ length: LINES }, (_, line) => ({
      productId: productAt(n + line),
      quantity: 2,
    }));
    const { statusCode, body } = await service.host.inject({
      method: 'POST',
      url: '/quotes',
      headers: { authorization },
      payload: { items, country: 'AT' },
    });
    if (statusCode !== 201) throw new Error(`no quote: ${body}`);
  }

  return {
    measure: async (promotions: number, count: number): Promise<Figures> => {
      for (let n = 0; n < 200; n += 1) await quote(promotions, n);
      let next = 0;
      const before = process.cpuUsage();
      const client = async () => {
        while (next < count) await quote(promotions, next++);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      const micros = cpuMicros(before) / count;
      return { 'CPU µs': micros, 'a core’s quotes/s': 1_000_000 / micros };
    },
    close: async () => {
      for (const { db, host } of services.values()) {
        await host.close();
        await db.close();
      }
      await server.stop();
    },
  };
}

import { join } from 'node:path';
import { eventStoreMigrations } from '@flotilla/event-store';
import { accept, uuidv7 } from '@flotilla/kernel';
import { inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { sagaMigrations } from '@flotilla/saga';
import { createTestService } from '@flotilla/service/testing';
import { createOrderApp, type OrderApp } from './app.ts';
import type { OrderFlow } from './config.ts';
import type { Participants } from './participants.ts';

/** The order service on a real database, with participants that a test decides about. */
export interface TestOrders {
  readonly db: Database;
  readonly app: OrderApp;
  /** The service on the same database, as if it had been started again with another flow; the caller closes its sagas. */
  startedWith(flow: OrderFlow): OrderApp;
  /** What was asked of the participants, in order: `reserve`, `charge`, … */
  readonly asked: readonly string[];
  request(
    method: 'GET' | 'POST',
    url: string,
    options?: RequestOptions,
  ): Promise<{ status: number; headers: Record<string, unknown>; body: OrderAnswer }>;
  close(): Promise<void>;
}

export interface RequestOptions {
  readonly user?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** The fields of all answers of the service; each answer has some of them. */
export interface OrderAnswer {
  readonly id?: string;
  readonly orderId?: string;
  readonly status?: string | number;
  readonly code?: string;
  readonly traceId?: string;
  readonly total?: { readonly amountMinor: number };
  readonly items?: readonly { readonly id: string; readonly quantity: number }[];
  readonly next?: string | null;
  readonly history?: readonly { readonly status: string }[];
  readonly cancellationReason?: string;
  readonly coupon?: string;
  readonly discounts?: readonly object[];
  readonly errors?: readonly { readonly path: string }[];
}

const PRICE_MINOR = 500;

export async function startTestOrders(
  overrides: Partial<Participants> = {},
  flow: OrderFlow = 'orchestration',
): Promise<TestOrders> {
  const service = await createTestService('order', [
    eventStoreMigrations,
    outboxMigrations,
    inboxMigrations,
    sagaMigrations,
    { name: 'order', directory: join(import.meta.dirname, '../migrations') },
  ]);
  const asked: string[] = [];
  const participants = recordCalls({ ...obligingParticipants(), ...overrides }, asked);
  const startedWith = (flow: OrderFlow) =>
    createOrderApp({ ...service, participants, instanceId: 'order-test', orderDeadlineMs: 60_000, flow });
  const app = startedWith(flow);
  service.serve(app.handlers);
  app.sagas.run();
  service.defer(() => app.sagas.close());
  app.projections.start();
  service.defer(() => app.projections.close());
  return {
    ...{ db: service.owner, app, startedWith, asked },
    request: (method, url, { user = 'alice', headers = {}, body } = {}) => {
      const as = { sub: user, scope: 'orders.read orders.write', permissions: ['orders.write'] };
      return service.request<OrderAnswer>(method, url, { as, headers, ...(body && { body }) });
    },
    close: service.close,
  };
}

/** Participants that say yes to everything; every product exists, but for ids that begin with `no-`. */
function obligingParticipants(): Participants {
  return {
    lookUpProducts: async (ids) =>
      ids
        .filter((id) => !id.startsWith('no-'))
        .map((id) => ({ id, name: `Product ${id}`, price: { amountMinor: PRICE_MINOR, currency: 'EUR' } })),
    agreeOnPrice: halfPrice,
    redeemCoupon: async () => ({ ok: true, result: null }),
    releaseCoupon: async () => undefined,
    reserveStock: async () => ({ ok: true, result: null }),
    releaseStock: async () => undefined,
    commitStock: async () => ({ ok: true, result: null }),
    charge: async (orderId) => ({ ok: true, result: { paymentId: `payment-${orderId}` } }),
    refund: async () => undefined,
    ship: async (orderId) => ({ ok: true, result: { shipmentId: `shipment-${orderId}` } }),
  };
}

/** A quote that takes half of the price off, by the coupon if there is one. */
export const halfPrice: Participants['agreeOnPrice'] = async ({ items, coupon }) => {
  const eur = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });
  const lines = items.map((item) => ({
    ...item,
    name: `Product ${item.productId}`,
    unitPrice: eur(PRICE_MINOR),
  }));
  const half = eur(lines.reduce((sum, { quantity }) => sum + quantity * PRICE_MINOR, 0) / 2);
  return accept({
    lines,
    total: half,
    agreement: {
      quoteId: uuidv7(),
      discounts: [{ code: coupon ?? 'half', name: 'Half', amount: half }],
      ...{ shipping: eur(0), tax: eur(0) },
      ...(coupon !== undefined && { coupon: { code: coupon, discount: half } }),
    },
  });
};

function recordCalls(participants: Participants, asked: string[]): Participants {
  const recorded = Object.entries(participants).map(
    ([name, ask]: [string, (...args: never[]) => unknown]) => [
      name,
      (...args: never[]) => {
        asked.push(name);
        return ask(...args);
      },
    ],
  );
  // Every entry keeps its own signature: only the call is noted.
  return Object.fromEntries(recorded) as Participants;
}

import { join } from 'node:path';
import { eventStoreMigrations } from '@flotilla/event-store';
import { accept, armCrashPoint, PlatformError, systemClock, uuidv7 } from '@flotilla/kernel';
import { inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import { createDatabase, type Database } from '@flotilla/postgres';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { sagaMigrations } from '@flotilla/saga';
import { createTestService } from '@flotilla/service/testing';
import { silentLogger } from '@flotilla/telemetry';
import { legacyMigrations, openLegacy } from '@shop/legacy/testing';
import { createOrderApp, type OrderApp } from './app.ts';
import type { OrderFlow } from './config.ts';
import { createCancelMovedOrder, createSettleCancellation } from './features/cancel-moved-order.ts';
import { createMoveOrder, createMoveRound } from './features/move-legacy-orders.ts';
import type { LegacyOrders } from './legacy-orders.ts';
import { createMovedOrderStore } from './moved-order-store.ts';
import type { Participants } from './participants.ts';

/** The order service on a real database, with participants that a test decides about. */
export interface TestOrders {
  readonly db: Database;
  readonly uri: string;
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
  legacy: LegacyOrders = NO_MONOLITH,
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
    createOrderApp({
      ...service,
      participants,
      legacy,
      instanceId: 'order-test',
      orderDeadlineMs: 60_000,
      flow,
    });
  const app = startedWith(flow);
  service.serve(app.handlers);
  app.sagas.run();
  service.defer(() => app.sagas.close());
  app.projections.start();
  service.defer(() => app.projections.close());
  return {
    ...{ db: service.owner, uri: service.uri, app, startedWith, asked },
    request: (method, url, { user = 'alice', headers = {}, body } = {}) => {
      const as = { sub: user, scope: 'orders.read orders.write', permissions: ['orders.write'] };
      return service.request<OrderAnswer>(method, url, { as, headers, ...(body && { body }) });
    },
    close: service.close,
  };
}

/** There is nothing to take over. */
const NO_MONOLITH: LegacyOrders = {
  list: async () => [],
  find: async () => undefined,
  handOver: async () => 'version-changed',
  settle: async () => undefined,
  closeIntake: async () => undefined,
};

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

/** The order service beside a monolith, each on a database of its own. */
export interface MovingRig extends Pick<TestOrders, 'db' | 'request' | 'close'> {
  readonly uri: string;
  readonly legacy: ReturnType<typeof openLegacy>;
  readonly legacyDb: Database;
  readonly legacyUri: string;
  /** A round of the move. */
  move(signal: AbortSignal): Promise<void>;
  /** What customers of the monolith are shown of it. */
  answerOfLegacy(number: number): Promise<unknown>;
  /** Whether the monolith is away, to the order service. */
  takeAway(isAway: boolean): void;
}

export async function startMoving(): Promise<MovingRig> {
  const old = await createTestDatabase([legacyMigrations]);
  const legacy = openLegacy(old.db);
  let isAway = false;
  const reached = Object.entries(legacy).map(
    ([name, ask]: [string, (...args: never[]) => Promise<unknown>]) => [
      name,
      async (...args: never[]) => {
        if (isAway)
          throw new PlatformError('DISCOVERY_UNAVAILABLE', 'the monolith is away', { retryable: true });
        return await ask(...args);
      },
    ],
  );
  // Every entry keeps its own signature: only whether it is reached is decided.
  const orders = await startTestOrders({}, 'orchestration', Object.fromEntries(reached) as LegacyOrders);
  return {
    ...{ db: orders.db, request: orders.request, uri: orders.uri },
    ...{ legacy, legacyDb: old.db, legacyUri: old.uri },
    move: orders.app.moveLegacyOrders,
    answerOfLegacy: legacy.show,
    takeAway: (away) => {
      isAway = away;
    },
    close: async () => {
      await orders.close();
      await old.close();
    },
  };
}

/** In a process of its own, which may be killed in it: a round of the move, or the cancellation of one order by alice. */
export async function moveInProcess(
  uri: string,
  legacyUri: string,
  cancels: number | undefined,
): Promise<void> {
  armCrashPoint(process.env['FLOTILLA_CRASH_POINT'] ?? '', () => process.kill(process.pid, 'SIGKILL'));
  const open = (at: string) => createDatabase({ uri: at, applicationName: 'moving', maxConnections: 2 });
  const [db, old] = [open(uri), open(legacyUri)];
  const [legacy, moved] = [openLegacy(old), createMovedOrderStore(db)];
  const moveOrder = createMoveOrder({ legacy, moved });
  const settle = createSettleCancellation({ legacy, moved });
  const deps = { db, legacy, moved, moveOrder, settle, clock: systemClock, logger: silentLogger };
  const { signal } = new AbortController();
  if (cancels === undefined) await createMoveRound(deps)(signal);
  else await createCancelMovedOrder(deps)(cancels, 'alice', signal);
  await Promise.all([db.close(), old.close()]);
}

import { implement, refuse, type ServedService } from '@flotilla/grpc';
import { createValidator, type Issue, type Result } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import type { Counter } from '@flotilla/telemetry';
import {
  canReadInventory,
  canWriteInventory,
  MAX_ORDER_LINES,
  orderId,
  productId,
  quantity,
} from '@shop/contracts';
import { InventoryService, type ReserveRequest } from '@shop/contracts/gen/inventory';
import type { StockLine } from './domain/stock-line.ts';
import { commitStock } from './features/commit-stock.ts';
import { releaseStock } from './features/release-stock.ts';
import { type ReserveRejection, type ReserveStockDeps, reserveStock } from './features/reserve-stock.ts';
import type { StockStore } from './stock-store.ts';

export interface GrpcDeps extends ReserveStockDeps {
  readonly stock: StockStore;
  /** By `operation` and `outcome`. */
  readonly operations: Counter;
}

const lineSchema = { productId, quantity };
const validateLine = createValidator(s.object(lineSchema));
const validateOrder = createValidator(s.object({ orderId }));
const validateReservation = createValidator(
  s.object({
    orderId,
    lines: s.array(s.object(lineSchema), { minItems: 1, maxItems: MAX_ORDER_LINES }),
  }),
);

const WORDS: Readonly<Record<Exclude<ReserveRejection, 'other-lines'>, string>> = {
  'out-of-stock': 'Not enough stock',
  'unknown-product': 'No such product',
  'order-closed': 'The order has been closed',
};

export function createInventoryService(deps: GrpcDeps): ServedService {
  const count = (operation: string, outcome: string) => deps.operations.inc({ operation, outcome });
  return implement(
    InventoryService,
    {
      checkAvailability: async (request) => {
        const found = await deps.stock.find(request.productId);
        if (found === undefined) return refuse('NOT_FOUND', 'there is no such product');
        const currentStock = found.onHand - found.reserved;
        return { available: currentStock >= request.quantity, currentStock };
      },
      reserveStock: async (request) => {
        const result = await reserveStock(deps, request.orderId, linesOf(request));
        count('reserve', result.ok ? result.value : result.rejection);
        if (result.ok) return { success: true, message: 'Stock reserved successfully' };
        if (result.rejection === 'other-lines') {
          return refuse('ALREADY_EXISTS', 'the order has reserved other lines');
        }
        return { success: false, message: WORDS[result.rejection], reason: result.rejection };
      },
      releaseStock: async (request) => {
        const released = await releaseStock(deps, request.orderId);
        count('release', released ? 'released' : 'nothing-to-release');
        return { released };
      },
      commitStock: async (request) => {
        const result = await commitStock(deps, request.orderId);
        count('commit', result.ok ? result.value : result.rejection);
        return result.ok ? { success: true } : { success: false, reason: result.rejection };
      },
    },
    {
      access: {
        checkAvailability: canReadInventory,
        reserveStock: canWriteInventory,
        releaseStock: canWriteInventory,
        commitStock: canWriteInventory,
      },
      validate: {
        checkAvailability: (request) => issuesOf(validateLine(plainLine(request))),
        reserveStock: (request) =>
          issuesOf(validateReservation({ orderId: request.orderId, lines: linesOf(request) })),
        releaseStock: (request) => issuesOf(validateOrder({ orderId: request.orderId })),
        commitStock: (request) => issuesOf(validateOrder({ orderId: request.orderId })),
      },
    },
  );
}

/** The guide's form names one product, ours a list; together they are one order. */
function linesOf(request: ReserveRequest): readonly StockLine[] {
  const lines = request.lines.map(plainLine);
  const hasOwnLine = request.productId !== '' || request.quantity !== 0;
  return hasOwnLine ? [plainLine(request), ...lines] : lines;
}

function plainLine(line: StockLine): StockLine {
  return { productId: line.productId, quantity: line.quantity };
}

function issuesOf(result: Result<unknown, readonly Issue[]>): readonly Issue[] {
  return result.ok ? [] : result.rejection;
}

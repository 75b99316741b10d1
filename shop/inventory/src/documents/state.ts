import type { CatalogueProduct } from '../catalogue-store.ts';
import type { Reservation } from '../domain/reservation.ts';
import type { StockLine } from '../domain/stock-line.ts';
import type { Stock } from '../stock-store.ts';

export type Product = Omit<CatalogueProduct, 'available'>;

export interface OrderState extends Reservation {
  /** When what is held falls back. */
  readonly untilMs: number;
}

/** What a commit has done, as the journal keeps it. The kinds of one document: no nested lists, no keys out of data. */
export type Operation =
  | { readonly do: 'add'; readonly product: Product; readonly onHand: number; readonly actor: string }
  | { readonly do: 'describe'; readonly product: Product }
  | { readonly do: 'count'; readonly productId: string; readonly onHand: number; readonly actor: string }
  | {
      readonly do: 'hold';
      readonly orderId: string;
      readonly lines: readonly StockLine[];
      readonly untilMs: number;
    }
  | { readonly do: 'sell' | 'give-back' | 'take-back' | 'expire' | 'bar'; readonly orderId: string };

/** The inventory after some operations. */
export interface InventoryState {
  product(id: string): Product | undefined;
  stock(productId: string): Stock | undefined;
  order(id: string): OrderState | undefined;
}

interface WritableState extends InventoryState {
  putProduct(product: Product): void;
  putStock(productId: string, stock: Stock): void;
  putOrder(id: string, order: OrderState): void;
}

/** All there is, in memory. */
export class WholeState implements WritableState {
  readonly products = new Map<string, Product>();
  readonly stocks = new Map<string, Stock>();
  readonly orders = new Map<string, OrderState>();
  /** Orders that hold something, the oldest first. */
  readonly held = new Set<string>();

  product(id: string): Product | undefined {
    return this.products.get(id);
  }

  stock(productId: string): Stock | undefined {
    return this.stocks.get(productId);
  }

  order(id: string): OrderState | undefined {
    return this.orders.get(id);
  }

  putProduct(product: Product): void {
    this.products.set(product.id, product);
  }

  putStock(productId: string, stock: Stock): void {
    this.stocks.set(productId, stock);
  }

  putOrder(id: string, order: OrderState): void {
    this.orders.set(id, order);
    this.held.delete(id);
    if (order.status === 'held') this.held.add(id);
  }

  /** Orders whose time is over, at most `limit`. */
  due(nowMs: number, limit: number): readonly string[] {
    const due: string[] = [];
    for (const id of this.held) {
      if (due.length === limit) break;
      if ((this.orders.get(id)?.untilMs ?? Number.POSITIVE_INFINITY) <= nowMs) due.push(id);
    }
    return due;
  }
}

/** What a change would do, over a state that stays as it is until the change is committed. */
export class Draft implements WritableState {
  readonly operations: Operation[] = [];
  readonly #below: InventoryState;
  readonly #products = new Map<string, Product>();
  readonly #stocks = new Map<string, Stock>();
  readonly #orders = new Map<string, OrderState>();

  constructor(below: InventoryState) {
    this.#below = below;
  }

  product(id: string): Product | undefined {
    return this.#products.get(id) ?? this.#below.product(id);
  }

  stock(productId: string): Stock | undefined {
    return this.#stocks.get(productId) ?? this.#below.stock(productId);
  }

  order(id: string): OrderState | undefined {
    return this.#orders.get(id) ?? this.#below.order(id);
  }

  putProduct(product: Product): void {
    this.#products.set(product.id, product);
  }

  putStock(productId: string, stock: Stock): void {
    this.#stocks.set(productId, stock);
  }

  putOrder(id: string, order: OrderState): void {
    this.#orders.set(id, order);
  }

  do(operation: Operation): void {
    apply(this, operation);
    this.operations.push(operation);
  }
}

/** Throws `RangeError` for what must never be: nothing is sold that is not there. */
export function apply(state: WritableState, operation: Operation): void {
  switch (operation.do) {
    case 'add':
      state.putProduct(operation.product);
      state.putStock(operation.product.id, { onHand: operation.onHand, reserved: 0 });
      return;
    case 'describe':
      state.putProduct(operation.product);
      return;
    case 'count': {
      const { reserved = 0 } = state.stock(operation.productId) ?? {};
      putChecked(state, operation.productId, { onHand: operation.onHand, reserved });
      return;
    }
    case 'hold': {
      const { orderId, lines, untilMs } = operation;
      move(state, lines, 0, 1);
      state.putOrder(orderId, { status: 'held', lines, untilMs });
      return;
    }
    default:
      end(state, operation);
  }
}

/** Sign of what a line does to the quantity on hand and to what is reserved, and the status after it. */
const ENDS = {
  sell: { onHand: -1, reserved: -1, status: 'committed' },
  'give-back': { onHand: 0, reserved: -1, status: 'released' },
  'take-back': { onHand: 1, reserved: 0, status: 'released' },
  expire: { onHand: 0, reserved: -1, status: 'expired' },
  bar: { onHand: 0, reserved: 0, status: 'released' },
} as const;

function end(state: WritableState, operation: Extract<Operation, { readonly do: keyof typeof ENDS }>): void {
  const { onHand, reserved, status } = ENDS[operation.do];
  const { lines = [], untilMs = 0 } = state.order(operation.orderId) ?? {};
  move(state, lines, onHand, reserved);
  state.putOrder(operation.orderId, { status, lines, untilMs });
}

function move(state: WritableState, lines: readonly StockLine[], onHand: number, reserved: number): void {
  for (const { productId, quantity } of lines) {
    const stock = state.stock(productId) ?? { onHand: 0, reserved: 0 };
    putChecked(state, productId, {
      onHand: stock.onHand + onHand * quantity,
      reserved: stock.reserved + reserved * quantity,
    });
  }
}

function putChecked(state: WritableState, productId: string, stock: Stock): void {
  if (!(stock.reserved >= 0 && stock.reserved <= stock.onHand))
    throw new RangeError(`${productId} would have ${stock.reserved} reserved of ${stock.onHand}`);
  state.putStock(productId, stock);
}

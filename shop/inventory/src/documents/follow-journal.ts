import { toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { Journal, SnapshotPart } from './journal.ts';
import { apply, type Operation, WholeState } from './state.ts';

/** The state that a journal amounts to, as far as it was read. */
export interface FollowedJournal {
  /** As of `position`. It changes while it is followed; another object when it was read anew. */
  readonly state: WholeState;
  readonly position: number;
  /** Takes in everything that was committed before the question. */
  catchUp(): Promise<void>;
  /** Takes in an entry that was just committed here, unless it has been read meanwhile. */
  take(position: number, operations: readonly Operation[]): void;
  close(): Promise<void>;
}

const SNAPSHOT_EVERY = 1_000;
const PART_SIZE = 2_000;

export function followJournal(journal: Journal, logger: Logger): FollowedJournal {
  let state = new WholeState();
  let position = 0;
  let isLoaded = false;
  let reading: Promise<void> | undefined;
  let nextReading: Promise<void> | undefined;
  let snapshotting: Promise<void> | undefined;

  async function load(): Promise<void> {
    const snapshot = await journal.readSnapshot();
    const loaded = new WholeState();
    for (const part of snapshot?.parts ?? []) restore(loaded, part);
    state = loaded;
    position = snapshot?.position ?? 0;
    isLoaded = true;
  }

  async function readOn(): Promise<void> {
    if (!isLoaded) await load();
    for (;;) {
      const entries = await journal.readAfter(position);
      if (entries.length === 0) return;
      for (const { _id, operations } of entries) take(_id, operations);
    }
  }

  /** An entry that does not fit is not taken in halves: the next question begins anew. */
  function take(at: number, operations: readonly Operation[]): void {
    if (at <= position) return;
    try {
      if (at !== position + 1) throw new RangeError(`entry ${position + 1} of the journal is missing`);
      for (const operation of operations) apply(state, operation);
      position = at;
    } catch (error) {
      isLoaded = false;
      throw error;
    }
    if (at % SNAPSHOT_EVERY === 0) keepSnapshot();
  }

  /** Beside what goes on, of what is there now; one at a time. */
  function keepSnapshot(): void {
    if (snapshotting !== undefined) return;
    snapshotting = journal
      .writeSnapshot({ position, parts: partsOf(state) })
      .catch((error) => logger.warn({ err: toError(error) }, 'a snapshot of the journal could not be kept'))
      .finally(() => {
        snapshotting = undefined;
      });
  }

  /** One question at a time; who comes while one is under way waits for the next, which sees what was before. */
  function catchUp(): Promise<void> {
    if (reading === undefined) {
      reading = readOn().finally(() => {
        reading = undefined;
      });
      return reading;
    }
    nextReading ??= reading
      .catch(() => undefined)
      .then(() => {
        nextReading = undefined;
        return catchUp();
      });
    return nextReading;
  }

  return {
    get state() {
      return state;
    },
    get position() {
      return position;
    },
    catchUp,
    take,
    close: async () => {
      await Promise.allSettled([reading, nextReading]);
      await snapshotting;
    },
  };
}

function partsOf({ products, stocks, orders }: WholeState): readonly SnapshotPart[] {
  return [
    ...inParts([...products.values()], (part) => ({ products: part })),
    ...inParts(
      [...stocks].map(([productId, stock]) => ({ productId, ...stock })),
      (part) => ({ stocks: part }),
    ),
    ...inParts(
      [...orders].map(([orderId, order]) => ({ orderId, ...order })),
      (part) => ({ orders: part }),
    ),
  ];
}

function inParts<T>(
  all: readonly T[],
  toPart: (part: readonly T[]) => SnapshotPart,
): readonly SnapshotPart[] {
  const count = Math.ceil(all.length / PART_SIZE);
  return Array.from({ length: count }, (_, at) => toPart(all.slice(at * PART_SIZE, (at + 1) * PART_SIZE)));
}

function restore(state: WholeState, { products = [], stocks = [], orders = [] }: SnapshotPart): void {
  for (const product of products) state.putProduct(product);
  for (const { productId, ...stock } of stocks) state.putStock(productId, stock);
  for (const { orderId, ...order } of orders) state.putOrder(orderId, order);
}

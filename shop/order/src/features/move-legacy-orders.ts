import { isDeepStrictEqual } from 'node:util';
import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { type MovedContent, translate } from '../domain/moved-order.ts';
import type { LegacyOrders } from '../legacy-orders.ts';
import type { MovedOrderStore } from '../moved-order-store.ts';
import type { SettleCancellation } from './cancel-moved-order.ts';

export interface MoveDeps {
  readonly db: Database;
  readonly legacy: LegacyOrders;
  readonly moved: MovedOrderStore;
}

/** How often an order may change between being read and being let go of, before it is left for the next round. */
const TRIES = 5;
/** Few: customers place orders meanwhile. */
const AT_ONCE = 4;

/**
 * Moves one order: copied, let go of by the monolith as it was copied, and only then decided here. Whichever write comes first
 * at the monolith counts: a change makes it refuse, and the order is read again; once it has let go it refuses changes. Each
 * step may be repeated, by another process too. Resolves with whether it is decided here.
 */
export function createMoveOrder({ legacy, moved }: Omit<MoveDeps, 'db'>) {
  return async (number: number, signal: AbortSignal, customerId?: string): Promise<boolean> => {
    for (let tried = 0; tried < TRIES; tried += 1) {
      const record = await legacy.find(number, signal);
      if (record === undefined || (customerId !== undefined && record.accountId !== customerId)) return false;
      const { version: sourceVersion, accountId } = record;
      crashPoint('move.before-stage');
      await moved.stage({ number, customerId: accountId, sourceVersion, content: translate(record) });
      crashPoint('move.after-stage');
      const outcome = await legacy.handOver(number, sourceVersion, signal);
      if (outcome === 'version-changed') continue;
      crashPoint('move.before-activate');
      const isLive = await moved.activate(number, sourceVersion);
      crashPoint('move.after-activate');
      if (isLive) return true;
    }
    return false;
  };
}

export type MoveOrder = ReturnType<typeof createMoveOrder>;

/** What a comparison of both sides has found. */
export interface MoveReport {
  /** Decided here. */
  readonly moved: number;
  /** Decided by the monolith. */
  readonly left: number;
  /** Told differently by the two. */
  readonly different: readonly number[];
  /** Let go of by the monolith and not decided here, or decided here and not let go of. */
  readonly astray: readonly number[];
}

/**
 * One round of the move, as far as it is wanted: finishes what a process that died has begun, moves what is left, compares.
 * It keeps no place of its own to go on from: what is left says itself.
 */
export function createMoveRound(
  deps: MoveDeps & { readonly moveOrder: MoveOrder; readonly settle: SettleCancellation },
) {
  const { db, legacy, moved, moveOrder, settle } = deps;
  return async (signal: AbortSignal): Promise<void> => {
    for (const order of await moved.underWay()) {
      if (order.stage === 'cancelling') await settle(order, signal);
      else await moveOrder(order.number, signal);
    }
    const [state] = await db.query<{ wanted: string; is_done: boolean }>(
      'SELECT wanted, is_done FROM legacy_move',
    );
    if (state === undefined || state.wanted === 'off' || state.is_done) return;
    if (state.wanted === 'closed') await legacy.closeIntake(signal);
    let count = 0;
    for await (const page of pages(legacy, true, signal))
      for (let at = 0; at < page.length; at += AT_ONCE) {
        const some = page.slice(at, at + AT_ONCE);
        const outcomes = await Promise.all(some.map(({ number }) => moveOrder(number, signal)));
        count += outcomes.filter(Boolean).length;
      }
    const report = await compare(deps, signal);
    const isDone = state.wanted === 'closed' && count === 0 && isSound(report) && report.left === 0;
    await db.query('UPDATE legacy_move SET report = $1, is_done = $2, updated_at = clock_timestamp()', [
      JSON.stringify(report),
      isDone,
    ]);
  };
}

const isSound = ({ different, astray }: MoveReport): boolean => different.length + astray.length === 0;

async function* pages(legacy: LegacyOrders, isLeft: boolean, signal: AbortSignal) {
  let page = await legacy.list(0, isLeft, signal);
  while (page.length > 0) {
    yield page;
    page = await legacy.list(page.at(-1)?.number ?? 0, isLeft, signal);
  }
}

async function* copies(moved: MovedOrderStore) {
  let page = await moved.list(0);
  while (page.length > 0) {
    yield* page;
    page = await moved.list(page.at(-1)?.number ?? 0);
  }
}

/** Both sides as they are now; what changes meanwhile may look different, and does not the next time. */
async function compare({ legacy, moved }: MoveDeps, signal: AbortSignal): Promise<MoveReport> {
  const ours = new Map<number, MovedContent>();
  for await (const { number, content, stage } of copies(moved))
    if (stage !== 'staged') ours.set(number, content);
  const different: number[] = [];
  const astray: number[] = [];
  let left = 0;
  for await (const page of pages(legacy, false, signal))
    for (const record of page) {
      const { number, isMoved } = record;
      const copy = ours.get(number);
      if (!isMoved) left += 1;
      if (isMoved !== (copy !== undefined)) astray.push(number);
      else if (isMoved && !isDeepStrictEqual(copy, translate(record))) different.push(number);
    }
  return { moved: ours.size, left, different, astray };
}

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientRecord } from '../../chaos/invariant.ts';
import type { Answer, OrderWish } from '../../demos/shop-client.ts';
import { PATIENCE_MS, placeOrder, type RunningSystem } from './running-system.ts';

/** A small generator of repeatable randomness (mulberry32), so that a failing run can be run again by its seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Some of these, each with the same chance, in their order. */
export function sample<T>(items: readonly T[], count: number, random: () => number): readonly T[] {
  const ranked = items.map((item) => ({ item, rank: random() })).sort((a, b) => a.rank - b.rank);
  const chosen = new Set(ranked.slice(0, count).map(({ item }) => item));
  return items.filter((item) => chosen.has(item));
}

const USERS = ['alice', 'bob', 'carol'];

/** Mostly good orders, and some of every kind of trouble; one of five with a coupon. */
function randomWish(random: () => number): OrderWish {
  const wish = plainWish(random);
  return random() < 0.2 ? { ...wish, agreedOn: { coupon: 'THANKS' } } : wish;
}

function plainWish(random: () => number): OrderWish {
  const kind = random();
  const sku = `sku-${String(1 + Math.floor(random() * 50)).padStart(4, '0')}`;
  const quantity = 1 + Math.floor(random() * 3);
  if (kind < 0.06) return { sku, quantity, payment: 'tok_declined' };
  if (kind < 0.12) return { sku, quantity, country: 'XX' };
  if (kind < 0.16) return { sku: 'sku-soldout', quantity };
  if (kind < 0.2) return { sku, quantity, payment: 'tok_flaky' };
  if (kind < 0.22) return { sku, quantity, payment: 'tok_slow' };
  if (kind < 0.24) return { sku, quantity, payment: 'tok_timeout' };
  return { sku, quantity };
}

export interface OrderLoad {
  readonly clients: number;
  /** What a client waits after each order at most. Without, the clients leave no processor to those who start again. */
  readonly pauseMs: number;
  /** Orders to place at least. */
  readonly atLeast: number;
  /** Asked before each order once there are enough: shall there be more? */
  readonly goOn: () => boolean;
  readonly random: () => number;
}

/**
 * Places orders like careful clients: whatever goes wrong is tried again with the same key and body, until
 * there is a definite answer.
 */
export async function placeOrders(system: RunningSystem, load: OrderLoad): Promise<readonly ClientRecord[]> {
  const { random } = load;
  const records: ClientRecord[] = [];
  let begun = 0;
  const client = async (): Promise<void> => {
    while (begun < load.atLeast || load.goOn()) {
      begun += 1;
      const wish = {
        ...randomWish(random),
        key: randomUUID(),
        user: USERS[begun % USERS.length] ?? 'alice',
        waitSeconds: 5,
      };
      records.push(await insist(system, wish, random));
      await delay(random() * load.pauseMs);
    }
  };
  await Promise.all(Array.from({ length: load.clients }, client));
  return records;
}

/** Places one order and tries again with the same key until the answer is definite. */
export async function insist(
  system: RunningSystem,
  wish: OrderWish & { readonly key: string; readonly user: string },
  random: () => number,
): Promise<ClientRecord> {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; ) {
    const answer = await attemptOnce(system, wish);
    if (answer && isDefinite(answer)) {
      const orderId = String(answer.body.id ?? answer.body.orderId ?? '');
      return { key: wish.key, answers: [{ status: answer.status, orderId }] };
    }
    await delay(50 + random() * 300);
  }
  throw new Error(`no definite answer for key ${wish.key} within ${PATIENCE_MS} ms`);
}

async function attemptOnce(system: RunningSystem, wish: OrderWish): Promise<Answer | undefined> {
  try {
    return await placeOrder(system, wish);
  } catch {
    return undefined; // a broken connection: the effect is unknown, so the same key is used again
  }
}

function isDefinite(answer: Answer): boolean {
  return answer.status === 201 || answer.status === 202 || answer.status === 422;
}

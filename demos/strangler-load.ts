import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type Answer, callShop, untilServed } from './shop-client.ts';

/** What customers of the monolith's orders were answered in one phase. */
export interface PhaseCount {
  readonly requests: number;
  /** Anything but what was due: a status that is no success, or no answer. */
  readonly errors: number;
  /** Answers that say something else than was said before. */
  readonly differences: number;
  readonly cancelled: number;
  readonly placed: number;
  readonly p99Ms: number;
  /** The first of what went wrong. */
  readonly first?: string;
}

export interface Load {
  /** Begins a new count. */
  next(): PhaseCount;
  /** Until `close`, orders are also placed in the monolith, at its own counter. */
  closeCounter(): void;
  stop(): Promise<PhaseCount>;
}

interface LoadOptions {
  /** Of the gateway, and of the monolith itself, where its counter is. */
  readonly url: string;
  readonly legacyUrl: string;
  readonly tokens: readonly string[];
  readonly article: string;
  readonly perSecond: number;
}

/** An order, and what its owner was last told of it. */
interface KnownOrder {
  readonly id: string;
  readonly token: string;
  readonly told: unknown;
  /** Its owner waits for an answer that changes it. */
  readonly isBusy: boolean;
}

const ORDERS_EACH = 3;
const AT_ONCE = 16;
const MAY_BE_CANCELLED = 'PaymentProcessed';

/**
 * Customers of old orders, at a steady rate whatever the answers are: most look, some cancel, some buy. Each compares what
 * it is told with what it was told before.
 */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const orders = new Map<string, KnownOrder>();
  for (const token of options.tokens)
    for (let n = 0; n < ORDERS_EACH; n += 1) remember(orders, token, await buy(options, token));
  const waiting = new Set<Promise<void>>();
  let count = newCount();
  let isRunning = true;
  let isCounterOpen = true;

  const look = async (order: KnownOrder): Promise<void> => {
    const answer = await callShop(options.url, 'GET', `/orders/${order.id}`, { token: order.token });
    if (answer.status !== 200) return count.failed(`GET ${order.id}: ${answer.status} ${answer.body.code}`);
    // Told while it was being changed it may be either; that is looked at the next time.
    const known = orders.get(order.id);
    if (known === order && !isDeepStrictEqual(answer.body, order.told))
      count.differed(`${order.id}: ${JSON.stringify(answer.body)}, before ${JSON.stringify(order.told)}`);
  };
  const cancel = async (order: KnownOrder): Promise<void> => {
    orders.set(order.id, { ...order, isBusy: true });
    const path = `/orders/${order.id}/cancel`;
    const answer = await callShop(options.url, 'POST', path, { token: order.token });
    orders.set(order.id, { ...order, told: answer.body, isBusy: false });
    if (answer.status !== 200 || answer.body.status !== 'Cancelled')
      return count.failed(`POST ${path}: ${answer.status} ${answer.body.code ?? answer.body.status}`);
    count.cancelled += 1;
  };
  const place = async (token: string): Promise<void> => {
    const answer = await buy(options, token);
    if (answer.status !== 201) return count.failed(`at the counter: ${answer.status} ${answer.body.code}`);
    remember(orders, token, answer);
    count.placed += 1;
  };
  const one = async (turn: number): Promise<void> => {
    const free = [...orders.values()].filter(({ isBusy }) => !isBusy);
    const chosen = free[Math.floor(Math.random() * free.length)];
    if (chosen === undefined) return;
    const { status } = chosen.told as { readonly status?: string };
    if (turn % 10 === 4 && isCounterOpen) await place(chosen.token);
    else if (turn % 10 === 9 && status === MAY_BE_CANCELLED) await cancel(chosen);
    else await look(chosen);
  };
  const running = (async () => {
    const startedAt = performance.now();
    for (let turn = 0; isRunning; turn += 1) {
      const due = startedAt + (turn * 1_000) / options.perSecond;
      await pause(Math.max(0, due - performance.now()));
      // A machine that is too slow for the rate gets fewer requests: an overload is another demo.
      if (waiting.size >= AT_ONCE) await Promise.race(waiting);
      const mine = count;
      const begin = performance.now();
      const work = one(turn)
        .catch((error: unknown) => mine.failed(String(error)))
        .finally(() => {
          mine.took(performance.now() - begin);
          waiting.delete(work);
        });
      waiting.add(work);
    }
    await Promise.all(waiting);
  })();

  return {
    next: () => {
      const ended = count;
      count = newCount();
      return ended.result();
    },
    closeCounter: () => {
      isCounterOpen = false;
    },
    stop: async () => {
      isRunning = false;
      await running;
      return count.result();
    },
  };
}

function remember(orders: Map<string, KnownOrder>, token: string, { body }: Answer): void {
  const id = String(body.id);
  orders.set(id, { id, token, told: body, isBusy: false });
}

async function buy({ legacyUrl, article }: LoadOptions, token: string): Promise<Answer> {
  const body = { items: [{ productId: article, quantity: 1 }] };
  return await callShop(legacyUrl, 'POST', '/api/orders', { token, body });
}

function newCount() {
  const tookMs: number[] = [];
  const count = { errors: 0, differences: 0, cancelled: 0, placed: 0 };
  let first: string | undefined;
  return Object.assign(count, {
    failed: (what: string): void => {
      first ??= what;
      count.errors += 1;
    },
    differed: (what: string): void => {
      first ??= what;
      count.differences += 1;
    },
    took: (ms: number): void => {
      tookMs.push(ms);
    },
    result: (): PhaseCount => ({
      requests: tookMs.length,
      errors: count.errors,
      differences: count.differences,
      cancelled: count.cancelled,
      placed: count.placed,
      p99Ms: Math.round(tookMs.toSorted((a, b) => a - b)[Math.floor(tookMs.length * 0.99)] ?? 0),
      ...(first !== undefined && { first }),
    }),
  });
}

/** Accounts of so many new customers, signed in. */
export async function signUp(url: string, customers: number): Promise<readonly string[]> {
  const tokens: string[] = [];
  for (let n = 0; n < customers; n += 1) {
    const account = { email: `${randomUUID()}@example.com`, password: `old-customer-${randomUUID()}` };
    const send = (path: string, body: object) => untilServed(() => callShop(url, 'POST', path, { body }));
    await send('/users', { ...account, name: 'An Old Customer' });
    const { body, status } = await send('/auth/login', account);
    if (status !== 200) throw new Error(`a new customer cannot log in: ${status}`);
    tokens.push(String(body.accessToken));
  }
  return tokens;
}

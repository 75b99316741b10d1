import { setTimeout as pause } from 'node:timers/promises';
import type { Stage } from '@flotilla/cli';
import { openShop, type Shop, until } from './shop.ts';
import { type PhaseCount, signUp, startLoad } from './strangler-load.ts';

export interface StrangleOptions {
  readonly perSecond: number;
  readonly secondsEach: number;
  readonly customers: number;
}

export interface Phase extends PhaseCount {
  readonly phase: string;
  /** Since the phase began, as the gateway counts them. */
  readonly byMonolith: number;
  readonly byOrderService: number;
  readonly fallbacks: number;
}

export interface Strangled {
  readonly phases: readonly Phase[];
  readonly shadow: { readonly copied: number; readonly equal: number; readonly different: number };
  /** Of the comparison of both sides at the end. */
  readonly report: {
    readonly moved: number;
    readonly left: number;
    readonly different: number[];
    readonly astray: number[];
  };
}

interface Route {
  readonly legacy: number;
  readonly new: number;
  readonly fallbacks: number;
  readonly shadow: Strangled['shadow'];
}

const READS = 'legacy-orders';
const WRITES = 'legacy-cancellations';
const ARTICLE = 'old-lamp';
/** What was on its way to the monolith when the route was switched has arrived. */
const DRAIN_MS = 500;

/** The monolith loses its orders, phase by phase, while its customers look, cancel and buy. */
export async function strangle(stage: Stage, options: StrangleOptions): Promise<Strangled> {
  const shop = await openShop(stage);
  const gateway = await openGateway(stage);
  await refuseToInterfere(shop);
  stage.putBack('the routes', async () => {
    await gateway.set(READS, 'legacy', 0);
    await gateway.set(WRITES, 'legacy', 0);
  });
  stage.putBack('the orders of the monolith', () => giveOrdersBack(shop));
  const load = await startLoad({
    url: shop.url,
    legacyUrl: await shop.address('legacy'),
    tokens: await signUp(shop.url, options.customers),
    article: ARTICLE,
    perSecond: options.perSecond,
  });
  const phases: Phase[] = [];
  let last = await gateway.route(READS);
  const phase = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    await work();
    // What came before the switch is not of this phase.
    const before = await gateway.route(READS);
    await pause(options.secondsEach * 1_000);
    const counted = load.next();
    const now = await gateway.route(READS);
    const byMonolith = now.legacy - before.legacy;
    const byOrderService = now.new - before.new;
    phases.push({
      phase: name,
      ...counted,
      byMonolith,
      byOrderService,
      fallbacks: now.fallbacks - before.fallbacks,
    });
    last = now;
    const { requests, errors, differences, p99Ms } = counted;
    stage.say(
      `${name}: ${requests} requests, ${errors} errors, ${differences} differences, p99 ${p99Ms} ms; ${byMonolith} to the monolith, ${byOrderService} to the order service`,
    );
  };
  try {
    await phase('everything to the monolith', async () => undefined);
    await phase('orders extracted, with fallback', async () => {
      await gateway.set(WRITES, 'new', 100);
      await gateway.set(READS, 'new-with-fallback', 100);
      await pause(DRAIN_MS);
    });
    await phase('orders moved, while they change', () => move(shop, 'moving'));
    load.closeCounter();
    await pause(DRAIN_MS);
    await phase('the last ones moved', () => move(shop, 'closed'));
    const shadowed = last.shadow;
    await phase('shadow', () => gateway.set(READS, 'shadow', 100));
    for (const percent of [10, 50, 100])
      await phase(`split, ${percent} %`, () => gateway.set(READS, 'split', percent));
    await phase('back to the monolith', () => gateway.set(READS, 'legacy', 0));
    const { shadow } = last;
    return {
      phases: [...phases],
      shadow: {
        copied: shadow.copied - shadowed.copied,
        equal: shadow.equal - shadowed.equal,
        different: shadow.different - shadowed.different,
      },
      report: await compareAgain(shop),
    };
  } finally {
    await load.stop();
  }
}

async function openGateway(stage: Stage) {
  const [own] = await stage.control.gateways();
  if (own === undefined) throw new Error('no gateway with an admin API runs here');
  const { url, token } = own;
  const headers = { authorization: `Bearer ${token}`, 'x-operator': 'demo' };
  const ask = async (path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers,
    });
    if (!response.ok) throw new Error(`the gateway's admin API answered ${response.status} to ${path}`);
    return await response.json();
  };
  return {
    set: async (route: string, mode: string, percent: number): Promise<void> => {
      await ask(`/routes/${route}/strangler`, { mode, percent });
      stage.say(
        `flotilla route set ${route} --mode ${mode}${mode === 'split' ? ` --percent ${percent}` : ''}`,
      );
    },
    route: async (name: string): Promise<Route> =>
      ((await ask(`/routes/${name}`)) as { readonly strangler: Route }).strangler,
  };
}

interface MoveState extends Record<string, unknown> {
  readonly wanted: string;
  readonly is_done: boolean;
  readonly report: Strangled['report'] | null;
}

const STATE = 'SELECT wanted, is_done, report FROM legacy_move';

async function refuseToInterfere(shop: Shop): Promise<void> {
  const [state] = await shop.sql<MoveState>('order', STATE);
  if (state?.wanted !== 'off')
    throw new Error('the orders are being moved already: flotilla run order move-legacy-orders status');
}

/** As `flotilla run order move-legacy-orders start` and `close`; resolves when there is nothing left of it. */
async function move(shop: Shop, wanted: 'moving' | 'closed'): Promise<void> {
  await shop.sql('order', 'UPDATE legacy_move SET wanted = $1, is_done = false, report = NULL', [wanted]);
  await until(`the orders are moved (${wanted})`, async () => {
    const [state] = await shop.sql<MoveState>('order', STATE);
    return wanted === 'closed' ? state?.is_done : state?.report != null;
  });
}

async function compareAgain(shop: Shop): Promise<Strangled['report']> {
  await move(shop, 'closed');
  const [state] = await shop.sql<MoveState>('order', STATE);
  if (state?.report == null) throw new Error('both sides were not compared');
  return state.report;
}

/**
 * As if nothing had been moved: what the order service has decided the monolith was told, so both have the same, and nobody
 * asks for these orders any more.
 */
async function giveOrdersBack(shop: Shop): Promise<void> {
  await shop.sql('order', "UPDATE legacy_move SET wanted = 'off', is_done = false, report = NULL");
  await until('nothing is under way', async () => {
    const rows = await shop.sql('order', "SELECT FROM moved_order WHERE stage <> 'live'");
    return rows.length === 0;
  });
  await shop.sql('order', 'DELETE FROM moved_order');
  await shop.sql('legacy', 'UPDATE orders SET moved_on = NULL');
  await shop.sql('legacy', 'UPDATE settings SET takes_orders = true');
}

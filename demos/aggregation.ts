import { claim, defineDemo } from '@flotilla/cli';
import { insist, openShop, timed } from './shop.ts';

const LATENCY_MS = 20_000;

interface Home {
  readonly user: unknown;
  readonly featuredProducts: readonly unknown[] | null;
  readonly recentOrders: readonly unknown[] | null;
  readonly degraded: readonly string[];
}

const isWhole = (page: object): boolean => (page as Home).degraded?.length === 0;

export const aggregation = defineDemo({
  name: 'aggregation',
  chapter: '4.2',
  does: 'Gets a page that three services have a part in with one request, also when one of them is late.',
  look: ['GET /mobile/home', 'flotilla fault list', 'docs/front-ends.md'],
  without: 'A phone makes three requests over a slow net, and waits for the slowest of them.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    return { shop, token: await shop.token('alice') };
  },
  act: async (_stage, { shop, token }) => {
    const ask = () => timed(async () => (await shop.call('GET', '/mobile/home', { token })).body);
    const whole = await insist(ask, ({ result }) => isWhole(result));
    await shop.fault('mobile-bff', 'order', `latency=${LATENCY_MS}ms`);
    const late = await ask();
    return { whole, late };
  },
  check: ({ whole, late }) => {
    const good = whole.result as unknown as Home;
    const partly = late.result as unknown as Home;
    return [
      claim(
        'one answer has all parts',
        good.recentOrders !== null && good.featuredProducts !== null && good.degraded.length === 0,
        `${good.recentOrders?.length} orders, ${good.featuredProducts?.length} products in ${whole.ms} ms`,
      ),
      claim(
        'a late part is left out and named',
        partly.recentOrders === null && partly.degraded.includes('recentOrders'),
        `degraded: ${partly.degraded}`,
      ),
      claim(
        'the rest does not wait for it',
        late.ms < LATENCY_MS / 2,
        `${late.ms} ms instead of ${LATENCY_MS}`,
      ),
    ];
  },
});

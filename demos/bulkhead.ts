import { claim, defineDemo } from '@flotilla/cli';
import { insist, openShop, until } from './shop.ts';

const AT_ONCE = 20;
const LATENCY_MS = 10_000;

interface Page {
  readonly featuredProducts?: unknown;
}

export const bulkhead = defineDemo({
  name: 'bulkhead',
  chapter: 'quick reference, Bulkhead',
  does: `Lets calls to the order service hang while ${AT_ONCE} phones ask for their page, and looks at the other calls of that caller.`,
  look: ['curl <mobile-bff>/resilience: `running`, `queued`, `limit` of each edge', 'docs/resilience.md'],
  without: 'Calls that hang take every slot there is; what has nothing to do with them waits, too.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    return { shop, token: await shop.token('alice') };
  },
  act: async (stage, { shop, token }) => {
    await shop.fault('mobile-bff', 'order', `latency=${LATENCY_MS}ms`);
    stage.say(`GET /mobile/home, ${AT_ONCE} at once`);
    const page = async () => (await shop.call('GET', '/mobile/home', { token })).body as Page;
    const crowd = async () => {
      const asked = Promise.all(Array.from({ length: AT_ONCE }, page));
      const both = await until('calls hang', async () => {
        const [stuck, free] = [
          await shop.edge('mobile-bff', 'order'),
          await shop.edge('mobile-bff', 'inventory'),
        ];
        return stuck.running >= AT_ONCE / 2 && { stuck, free };
      });
      return {
        ...both,
        withProducts: (await asked).filter(({ featuredProducts }) => featuredProducts !== null),
      };
    };
    return await insist(crowd, ({ withProducts }) => withProducts.length === AT_ONCE);
  },
  check: ({ stuck, free, withProducts }) => [
    claim('calls to one service hang', stuck.running > 0, `${stuck.running} of at most ${stuck.limit}`),
    claim(
      'those to another have slots of their own',
      free.queued === 0 && free.running < AT_ONCE && free.limit > 0,
      `${free.running} of ${free.limit}`,
    ),
    claim(
      'so every page has its products',
      withProducts.length === AT_ONCE,
      `${withProducts.length} of ${AT_ONCE}`,
    ),
  ],
});

import { claim, defineDemo } from '@flotilla/cli';
import { openShop, timed } from './shop.ts';

const EDGE = ['mobile-bff', 'order'] as const;
const LATENCY_MS = 20_000;

export const timeout = defineDemo({
  name: 'timeout',
  chapter: 'quick reference, Timeout',
  does: `Lets calls take ${LATENCY_MS / 1_000} seconds; who asks is not kept waiting.`,
  look: ['curl <mobile-bff>/resilience: `deadlines`', 'docs/resilience.md'],
  without: 'One service that hangs takes the memory and sockets of all that call it, one after the other.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    const token = await shop.token('alice');
    await shop.call('GET', '/mobile/home', { token });
    return { shop, token };
  },
  act: async (_stage, { shop, token }) => {
    await shop.fault(...EDGE, `latency=${LATENCY_MS}ms`);
    return await timed(async () => (await shop.call('GET', '/mobile/home', { token })).body);
  },
  check: ({ result, ms }) => {
    const { degraded = [] } = result as { readonly degraded?: readonly string[] };
    return [
      claim('the answer came in time', ms < LATENCY_MS / 2, `${ms} ms instead of ${LATENCY_MS}`),
      claim('and says what it lacks', degraded.includes('recentOrders'), `degraded: ${degraded}`),
    ];
  },
});

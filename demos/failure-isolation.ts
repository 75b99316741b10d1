import { claim, defineDemo } from '@flotilla/cli';
import { openShop } from './shop.ts';
import { callShop } from './shop-client.ts';

interface Home {
  readonly recommendations: unknown;
  readonly degraded: readonly string[];
}

export const failureIsolation = defineDemo({
  name: 'failure-isolation',
  chapter: '1.1',
  does: 'Stops a service that others use, and goes on selling.',
  look: ['flotilla ps', 'GET /web/home: `degraded` names what is missing', 'docs/architecture.md'],
  without: 'In one process a part that fails takes everything with it: no recommendations, no sale.',
  prepare: openShop,
  act: async (stage, shop) => {
    await shop.stop('recommendation');
    stage.say('GET /web/home, POST /orders');
    const home = await callShop(shop.url, 'GET', '/web/home');
    return { home, order: await shop.placeOrder() };
  },
  check: ({ home, order }) => {
    const { degraded, recommendations } = home.body as unknown as Home;
    return [
      claim(
        'the page comes without its part',
        home.status === 200 && recommendations === null && degraded.includes('recommendations'),
        `${home.status}, degraded: ${degraded}`,
      ),
      claim('orders are confirmed', order.status === 201, `${order.status} ${order.body.status}`),
    ];
  },
});

import { claim, defineDemo } from '@flotilla/cli';
import { openShop, untilReady } from './shop.ts';

/** The gateway lets a request wait that long for a service without a reachable instance, then it is a 503: docs/resilience.md. */
const GATEWAY_WAITS_MS = 4_000;

export const serverSideDiscovery = defineDemo({
  name: 'server-side-discovery',
  chapter: '5.2',
  does: 'Moves the cart service while a client that knows one address only goes on asking.',
  look: [
    'flotilla ps',
    'shop/gateway/gateway.json: `ServiceName`',
    'docs/discovery.md: EndpointSlices in a cluster',
  ],
  without: 'Every client has a registry, a balancer and its own idea of which instance is well.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    return { shop, token: await shop.token('carol'), before: await shop.address('cart') };
  },
  act: async (stage, { shop, token }) => {
    stage.say(`flotilla restart cart, while ${shop.url}/cart is asked`);
    const isOver = { yet: false };
    const startedAtMs = performance.now();
    const restarted = stage.control.change('cart', 'restart').finally(() => {
      isOver.yet = true;
    });
    const statuses: number[] = [];
    do statuses.push((await shop.call('GET', '/cart', { token })).status);
    while (!isOver.yet);
    await restarted;
    const { url } = await untilReady(stage, 'cart');
    const awayMs = performance.now() - startedAtMs;
    statuses.push((await shop.call('GET', '/cart', { token })).status);
    return { statuses, awayMs, after: String(url) };
  },
  check: ({ statuses, awayMs, after }, { before }) => [
    claim('it has another address', after !== before, `${before}, then ${after}`),
    claim(
      'the client was answered each time, as long as the cart was not away for longer than the gateway waits',
      statuses.every((status) => status === 200 || (status === 503 && awayMs > GATEWAY_WAITS_MS)),
      `${statuses.length} requests in ${Math.round(awayMs)} ms: ${[...new Set(statuses)]}`,
    ),
  ],
});

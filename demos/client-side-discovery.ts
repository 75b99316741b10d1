import { claim, defineDemo } from '@flotilla/cli';
import { openShop, untilReady } from './shop.ts';

interface Entry {
  readonly Service: { readonly Address: string; readonly Port: number };
}

export const clientSideDiscovery = defineDemo({
  name: 'client-side-discovery',
  chapter: '5.1',
  does: 'Moves the payment service to another port; its caller finds it by the registry.',
  look: [
    'flotilla registry env',
    'curl $CONSUL_HTTP_ADDR/v1/health/service/payment?passing',
    'docs/discovery.md',
  ],
  without: 'Addresses stand in configurations; a moved service is a change, a release and a night.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    const { url, token } = await stage.control.registry();
    const lookUp = async (): Promise<readonly string[]> => {
      const headers = { 'x-consul-token': token };
      const response = await fetch(`${url}/v1/health/service/payment?passing`, { headers });
      const entries = (await response.json()) as readonly Entry[];
      return entries.map(({ Service }) => `http://${Service.Address}:${Service.Port}`);
    };
    return { shop, lookUp, before: await lookUp() };
  },
  act: async (stage, { shop, lookUp, before }) => {
    stage.say(`payment is at ${before}; flotilla restart payment`);
    await stage.control.change('payment', 'restart');
    const { url } = await untilReady(stage, 'payment');
    const after = await lookUp();
    stage.say(`payment is at ${after}`);
    return { after, url: String(url), order: await shop.placeOrder() };
  },
  check: ({ after, url, order }, { before }) => [
    claim('it has another address', after.length === 1 && after[0] !== before[0], `${before}, then ${after}`),
    claim('the registry knows it', after[0] === url, url),
    claim('the order service has found it', order.status === 201, `${order.status} ${order.body.status}`),
  ],
});

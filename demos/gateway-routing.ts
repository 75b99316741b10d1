import { claim, defineDemo } from '@flotilla/cli';
import { openShop } from './shop.ts';

export const gatewayRouting = defineDemo({
  name: 'gateway-routing',
  chapter: '4.1',
  does: 'Reaches several services at one address, and nothing that is not meant for clients.',
  look: [
    'shop/gateway/gateway.json',
    'flotilla explain GET /orders/1 --config shop/gateway/gateway.json',
    'docs/gateway.md',
  ],
  without:
    'Clients know every service and its address, and each service does tokens, limits and caches by itself.',
  prepare: openShop,
  act: async (stage, shop) => {
    const token = await shop.token('alice');
    const ask = async (path: string, bearer?: string) => {
      const answer = await shop.call('GET', path, bearer === undefined ? {} : { token: bearer });
      stage.say(`GET ${path}: ${answer.status}`);
      return answer;
    };
    return {
      routed: [
        await ask('/products'),
        await ask('/orders', token),
        await ask('/me', token),
        await ask('/cart', token),
      ],
      anonymous: await ask('/orders'),
      internal: [await ask('/internal/mails', token), await ask('/metrics'), await ask('/health/ready')],
      cached: [await ask('/products/sku-0002'), await ask('/products/sku-0002')],
    };
  },
  check: ({ routed, anonymous, internal, cached }) => {
    const codes = (answers: readonly { readonly status: number }[]) =>
      answers.map(({ status }) => status).join(' ');
    const ids = new Set([...routed, ...internal].map(({ headers }) => headers.get('x-request-id')));
    return [
      claim('four services answer at one address', codes(routed) === '200 200 200 200', codes(routed)),
      claim('without a token nobody is asked', anonymous.status === 401, String(anonymous.status)),
      claim('what is internal is not there', codes(internal) === '404 404 404', codes(internal)),
      claim(
        'the catalogue comes from the cache',
        cached[1]?.headers.has('age') === true,
        `age ${cached[1]?.headers.get('age')}`,
      ),
      claim('every answer names its trace', ids.size === 7 && !ids.has(null), `${ids.size} ids`),
    ];
  },
});

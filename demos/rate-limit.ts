import { randomUUID } from 'node:crypto';
import { claim, defineDemo } from '@flotilla/cli';
import { insist, openShop } from './shop.ts';

/** Asked for, not there: nothing is left behind. */
const NOBODYS = `/quotes/${randomUUID()}`;
const BURST = 300; // the route takes 100 a second of one customer

export const rateLimit = defineDemo({
  name: 'rate-limit',
  chapter: '4.1',
  does: 'Asks for more in a second than one customer may, while another one asks as usual.',
  look: ['shop/gateway/gateway.json, /quotes: `RateLimitOptions`', 'docs/gateway-features.md'],
  without: 'One client with a loop takes the capacity of all.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    return { shop, greedy: await shop.token('bob'), other: await shop.token('carol') };
  },
  act: async (stage, { shop, greedy, other }) => {
    stage.say(`${BURST} requests at once as bob, one as carol`);
    const burst = async () => {
      const all = Array.from({ length: BURST }, () => shop.call('GET', NOBODYS, { token: greedy }));
      const fair = shop.call('GET', NOBODYS, { token: other });
      const refused = (await Promise.all(all)).filter(({ status }) => status === 429);
      return { refused, fair: await fair };
    };
    // On a slow machine they do not all arrive within the second.
    return await insist(burst, ({ refused }) => refused.length > 0);
  },
  check: ({ refused, fair }) => [
    claim('what is too much is refused', refused.length > 0, `${refused.length} of ${BURST}`),
    claim(
      'the refusal says when to come again',
      refused.every(({ headers }) => Number(headers.get('retry-after')) > 0),
      `Retry-After: ${refused[0]?.headers.get('retry-after')}`,
    ),
    claim('nobody else notices', fair.status !== 429, String(fair.status)),
  ],
});

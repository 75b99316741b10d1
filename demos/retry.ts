import { setTimeout as pause } from 'node:timers/promises';
import { claim, defineDemo } from '@flotilla/cli';
import { insist, openShop } from './shop.ts';

const CALLS = 12;
const PAUSE_MS = 250; // the budget is three retries a second

export const retry = defineDemo({
  name: 'retry',
  chapter: 'quick reference, Retry',
  does: 'Lets one of five calls fail, and asks a dozen times.',
  look: ['curl <mobile-bff>/resilience: `retries`, `retriesDenied`', 'docs/resilience.md'],
  without: 'Every lost packet is an error page; with retries and no budget, an overload becomes an outage.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    const token = await shop.token('alice');
    await shop.call('GET', '/mobile/home', { token });
    return { shop, token, before: await shop.edge('mobile-bff', 'inventory') };
  },
  act: async (_stage, { shop, token }) => {
    await shop.fault('mobile-bff', 'inventory', 'outcome=503:20%', 'seed=7');
    const ask = async () => {
      const lacking: unknown[] = [];
      for (let n = 0; n < CALLS; n += 1) {
        const { body } = await shop.call('GET', '/mobile/home', { token });
        lacking.push((body as { readonly degraded?: readonly string[] }).degraded?.length);
        await pause(PAUSE_MS);
      }
      return lacking;
    };
    const degraded = await insist(ask, (lacking) => lacking.every((count) => count === 0));
    return { degraded, after: await shop.edge('mobile-bff', 'inventory') };
  },
  check: ({ degraded, after }, { before }) => [
    claim(
      'calls were repeated',
      after.retries > before.retries,
      `${after.retries - before.retries} of ${CALLS}`,
    ),
    claim(
      'nobody noticed',
      degraded.every((count) => count === 0),
      `${degraded.filter((count) => count !== 0).length} pages lacked a part`,
    ),
  ],
});

import { claim, defineDemo } from '@flotilla/cli';
import { openShop } from './shop.ts';
import { strangle } from './strangle.ts';

const SMALL = { perSecond: 25, secondsEach: 1, customers: 8 };

export const strangler = defineDemo({
  name: 'strangler',
  chapter: '2.3',
  does: 'Takes the orders away from the monolith, phase by phase, while its customers look, cancel and buy.',
  look: [
    'flotilla route show legacy-orders',
    'flotilla run order move-legacy-orders status',
    'GET /orders/legacy-1001 as alice',
    'docs/strangler.md',
  ],
  without:
    'A new system is built for two years beside the old one, and one night everything is switched at once.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    return { shop, token: await shop.token('alice') };
  },
  act: async (stage, { shop, token }) => {
    const first = await shop.call('GET', '/orders/legacy-1001', { token });
    const strangled = await strangle(stage, SMALL);
    return { ...strangled, first, last: await shop.call('GET', '/orders/legacy-1001', { token }) };
  },
  check: ({ phases, shadow, report, first, last }) => {
    const sum = (of: 'errors' | 'differences' | 'requests') =>
      phases.reduce((total, one) => total + one[of], 0);
    const problem = phases.find((one) => one.first !== undefined)?.first ?? 'none';
    const share = (name: string) => {
      const found = phases.find(({ phase }) => phase === name);
      return found === undefined ? -1 : found.byOrderService / (found.byMonolith + found.byOrderService);
    };
    return [
      claim(
        'no customer saw an error',
        sum('errors') === 0,
        `${sum('errors')} of ${sum('requests')}: ${problem}`,
      ),
      claim(
        'nobody was told something else than before',
        sum('differences') === 0,
        `${sum('differences')}: ${problem}`,
      ),
      claim(
        'at first the monolith answers, at last the order service',
        share('everything to the monolith') === 0 && share('split, 100 %') === 1,
        phases.map(({ phase }) => `${phase} ${Math.round(share(phase) * 100)} %`).join(', '),
      ),
      claim(
        'what had not moved was answered by the monolith all the same',
        (phases.find(({ phase }) => phase.startsWith('orders extracted'))?.fallbacks ?? 0) > 0,
        `${phases.map(({ fallbacks }) => fallbacks).join(' ')} fallbacks`,
      ),
      claim(
        'copies of requests were answered alike',
        shadow.copied > 0 && shadow.different === 0,
        `${shadow.equal} of ${shadow.copied} equal, ${shadow.different} different`,
      ),
      claim(
        'no order is on both sides or on neither',
        report.left === 0 && report.astray.length === 0 && report.different.length === 0,
        JSON.stringify(report),
      ),
      claim(
        "alice's order is what it was",
        first.status === 200 && JSON.stringify(first.body) === JSON.stringify(last.body),
        `${first.status} ${first.body.status}, ${last.status} ${last.body.status}`,
      ),
    ];
  },
});

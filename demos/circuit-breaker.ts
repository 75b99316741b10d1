import { claim, defineDemo } from '@flotilla/cli';
import { openShop, until } from './shop.ts';

const EDGE = ['mobile-bff', 'order'] as const;

export const circuitBreaker = defineDemo({
  name: 'circuit-breaker',
  chapter: 'quick reference, Circuit Breaker',
  does: 'Lets every call to the order service fail until its caller stops asking, and be well again.',
  look: ['curl <mobile-bff>/resilience: `breaker`', 'flotilla fault list', 'docs/resilience.md'],
  without: 'A service that fails is asked by all, again and again, and cannot get up; who asks it waits.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    return { shop, token: await shop.token('alice') };
  },
  act: async (stage, { shop, token }) => {
    const ask = () => shop.call('GET', '/mobile/home', { token });
    await ask();
    await shop.fault(...EDGE, 'outcome=500:100%');
    const opened = await until('the breaker opens', async () => {
      await ask();
      const edge = await shop.edge(...EDGE);
      return edge.breaker === 'open' && edge;
    });
    stage.say(`after ${opened.attempts} attempts it is open`);
    await ask();
    const refusing = await shop.edge(...EDGE);
    await shop.clearFault(...EDGE);
    const closed = await until('it closes again', async () => {
      await ask();
      const edge = await shop.edge(...EDGE);
      return edge.breaker === 'closed' && edge;
    });
    const whole = await until('the page is whole', async () => {
      const page = (await ask()).body as { readonly degraded?: readonly string[] };
      return page.degraded?.length === 0 && page;
    });
    return { opened, refusing, closed, whole };
  },
  check: ({ opened, refusing, closed, whole }) => [
    claim('it opens', opened.breaker === 'open', opened.breaker ?? 'none'),
    claim(
      'then nothing is sent',
      refusing.attempts === opened.attempts && refusing.circuitRefusals > 0,
      `${refusing.circuitRefusals} refused, ${refusing.attempts - opened.attempts} sent`,
    ),
    claim('it closes by itself', closed.breaker === 'closed', closed.breaker ?? 'none'),
    claim('all is as before', whole.degraded?.length === 0, 'no part is missing'),
  ],
});

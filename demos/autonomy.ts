import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { claim, defineDemo } from '@flotilla/cli';
import { openShop, type Shop, untilReady } from './shop.ts';

const AT_LEAST = 5;
const TRIES = 60;

/** As any client: while the shop says 503 the same order is asked for again. */
async function insist(shop: Shop): Promise<number> {
  const key = randomUUID();
  for (let attempt = 1; ; attempt += 1) {
    const { status } = await shop.placeOrder({ key });
    if (status !== 503 || attempt === TRIES) return status;
    await sleep(1_000);
  }
}

export const autonomy = defineDemo({
  name: 'autonomy',
  chapter: '1.1',
  does: 'Replaces the process of a service, as a deployment does, while customers buy.',
  look: ['flotilla ps: another pid and address', 'flotilla logs inventory', 'docs/resilience.md, Draining'],
  without: 'A release of one part is a release of all, at night, with a page that says sorry.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    return { shop, before: await shop.instance('inventory') };
  },
  act: async (stage, { shop }) => {
    stage.say('flotilla restart inventory, while orders are placed');
    const isOver = { yet: false };
    const restarted = stage.control.change('inventory', 'restart').finally(() => {
      isOver.yet = true;
    });
    const statuses: number[] = [];
    do statuses.push(await insist(shop));
    while (!isOver.yet || statuses.length < AT_LEAST);
    await restarted;
    return { statuses, after: await untilReady(stage, 'inventory') };
  },
  check: ({ statuses, after }, { before }) => [
    claim('it is another process', after.pid !== before.pid, `${before.pid}, then ${after.pid}`),
    claim(
      'every order was confirmed',
      statuses.every((status) => status === 201),
      `${statuses.length} orders: ${[...new Set(statuses)]}`,
    ),
  ],
});

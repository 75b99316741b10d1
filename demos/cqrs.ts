import { claim, defineDemo } from '@flotilla/cli';
import { cli } from './command.ts';
import { openShop } from './shop.ts';

const SHOWN =
  'SELECT md5(string_agg(v::text, $1 ORDER BY id)) AS digest, count(*)::int AS count FROM order_view v';

interface Shown extends Record<string, unknown> {
  readonly digest: string;
  readonly count: number;
}

export const cqrs = defineDemo({
  name: 'cqrs',
  chapter: '6 and 11',
  does: 'Builds the read model of the orders anew from their events, beside the one that serves.',
  look: ['flotilla projection list order', 'docs/event-sourcing.md'],
  without: 'A new column of a list is a migration of all that ever happened, with the shop closed.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    await shop.placeOrder();
    const active = async () =>
      (
        await shop.sql<{ active: number }>('order', "SELECT active FROM projection WHERE name = 'order_view'")
      )[0]?.active;
    return { shop, active, before: await active() };
  },
  act: async (stage, { shop, active }) => {
    const shown = async () => (await shop.sql<Shown>('order', SHOWN, [',']))[0];
    const old = await shown();
    stage.say('flotilla projection rebuild order order_view');
    await cli(stage, 'projection', 'rebuild', 'order', 'order_view', '--by', 'demo');
    const rebuilt = { generation: await active(), shown: await shown() };
    stage.say('flotilla projection rollback order order_view');
    await cli(stage, 'projection', 'rollback', 'order', 'order_view', '--by', 'demo');
    return { old, rebuilt, back: await active() };
  },
  check: ({ old, rebuilt, back }, { before }) => [
    claim(
      'another generation was read',
      rebuilt.generation !== before,
      `${before}, then ${rebuilt.generation}`,
    ),
    claim(
      'it shows the same orders',
      rebuilt.shown?.digest === old?.digest,
      `${old?.count} orders, ${rebuilt.shown?.count} rebuilt`,
    ),
    claim('the way back is a word', back === before, `generation ${back}`),
  ],
});

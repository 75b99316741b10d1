import { claim, defineDemo } from '@flotilla/cli';
import { openShop, until } from './shop.ts';

const MAILS = 'SELECT count(*)::int AS count FROM mail WHERE body LIKE $1';

export const messaging = defineDemo({
  name: 'messaging',
  chapter: '3.2',
  does: 'Confirms an order while the notification service is down; the mail follows when it is back.',
  look: ['flotilla queue list', 'flotilla logs notification', 'docs/communication.md'],
  without:
    'A mail server that is slow would be a checkout that is slow; one that is down, a lost mail or a lost sale.',
  prepare: openShop,
  act: async (stage, shop) => {
    await shop.stop('notification');
    const order = await shop.placeOrder();
    const about = [`%${order.body.id}%`];
    stage.say(`order ${order.body.id}: ${order.status}`);
    const count = async () =>
      (await shop.sql<{ count: number }>('notification', MAILS, about))[0]?.count ?? 0;
    const before = await count();
    await shop.start('notification');
    const after = await until('the mail is written', async () => (await count()) || false);
    return { order, before, after };
  },
  check: ({ order, before, after }) => [
    claim('the order did not wait for it', order.status === 201, `${order.status} ${order.body.status}`),
    claim('there was no mail yet', before === 0, String(before)),
    claim('it is written once the service is back', after > 0, String(after)),
  ],
});

import { randomUUID } from 'node:crypto';
import { claim, defineDemo } from '@flotilla/cli';
import { openShop, until } from './shop.ts';

const POINT = 'relay.before-publish';

export const outbox = defineDemo({
  name: 'outbox',
  chapter: '6.2',
  does: 'Kills the order service after it has committed an order, before its message is published.',
  look: [`flotilla restart order --crash-point ${POINT}`, 'flotilla logs order', 'docs/data.md'],
  without: 'The order is there and nobody is told, or all are told and the order is not there.',
  prepare: openShop,
  act: async (stage, shop) => {
    await stage.control.change('order', 'restart', POINT);
    const { pid } = await shop.instance('order');
    stage.say(`flotilla restart order --crash-point ${POINT}: pid ${pid}`);
    const key = randomUUID();
    // As a careful client does: the same key until there is an answer.
    const order = await until('the order has an answer', async () => {
      const answer = await shop.placeOrder({ key }).catch(() => undefined);
      return answer !== undefined && answer.status < 500 && answer.status !== 409 && answer;
    });
    const { pid: after } = await shop.instance('order');
    stage.say(`it killed itself; pid ${after} has taken its place`);
    const mails = await until('the mail is written', async () => {
      const rows = await shop.sql('notification', 'SELECT id FROM mail WHERE body LIKE $1', [
        `%${order.body.id}%`,
      ]);
      return rows.length > 0 && rows;
    });
    const waiting = await until('nothing waits in the outbox', async () => {
      const rows = await shop.sql('order', 'SELECT FROM outbox WHERE key = $1', [String(order.body.id)]);
      return rows.length === 0 && { left: rows.length };
    });
    return { order, pid, after, mails, waiting };
  },
  check: ({ order, pid, after, mails, waiting }) => [
    claim('the process died between commit and publish', after !== pid, `${pid}, then ${after}`),
    claim('the order is confirmed', order.status === 201, `${order.status} ${order.body.status}`),
    claim('its messages arrived', mails.length > 0, `${mails.length} mails`),
    claim('none is left behind', waiting.left === 0, `${waiting.left} in the outbox`),
  ],
});

import { randomUUID } from 'node:crypto';
import { claim, defineDemo } from '@flotilla/cli';
import { needsOwnBus, publish } from './bus.ts';
import { openShop, until } from './shop.ts';

const TYPE = 'identity.password-changed.v1';
const TIMES = 3;

export const idempotentConsumer = defineDemo({
  name: 'idempotent-consumer',
  chapter: '6.2',
  does: 'Delivers one message three times, as brokers do, and counts what came of it.',
  look: ['the table `inbox` at flotilla db uri notification', 'docs/communication.md'],
  without: 'Three mails for one thing; with payments, three charges.',
  needs: needsOwnBus,
  prepare: openShop,
  act: async (stage, shop) => {
    const userId = randomUUID();
    const email = `demo-${userId}@example.com`;
    const data = { userId, email, name: 'Demo', changedAt: new Date().toISOString() };
    const id = await publish(shop, { from: 'identity', type: TYPE, key: userId, data, times: TIMES });
    stage.say(`${TYPE} ${id}, ${TIMES} times`);
    const delivered = () => shop.sql('bus', 'SELECT FROM bus.delivery WHERE key = $1', [userId]);
    await until('all are handled', async () => (await delivered()).length === 0);
    const mails = await until('a mail is written', async () => {
      const rows = await shop.sql('notification', 'SELECT FROM mail WHERE recipient = $1', [email]);
      return rows.length > 0 && rows;
    });
    const noted = await shop.sql('notification', 'SELECT FROM inbox WHERE message_id::text = $1', [id]);
    await shop.sql('notification', 'DELETE FROM mail WHERE recipient = $1', [email]);
    return { mails, noted };
  },
  check: ({ mails, noted }) => [
    claim('one mail', mails.length === 1, `${mails.length} of ${TIMES}`),
    claim('the inbox knows the message once', noted.length === 1, `${noted.length} rows`),
  ],
});

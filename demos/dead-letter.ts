import { randomUUID } from 'node:crypto';
import { claim, defineDemo } from '@flotilla/cli';
import { needsOwnBus, publish } from './bus.ts';
import { openShop, until } from './shop.ts';

const TYPE = 'identity.password-changed.v1';

export const deadLetter = defineDemo({
  name: 'dead-letter',
  chapter: '6.2',
  does: 'Sends a message that cannot be understood, and a good one behind it.',
  look: ['flotilla dlq list notification', 'flotilla dlq show notification <id>', 'docs/communication.md'],
  without:
    'The bad message is tried for ever and the queue stands behind it, or it is thrown away and nobody knows.',
  needs: needsOwnBus,
  prepare: openShop,
  act: async (stage, shop) => {
    const key = randomUUID();
    const email = `demo-${key}@example.com`;
    const poison = await publish(shop, { from: 'identity', type: TYPE, key, data: { never: 'meant' } });
    stage.putBack('the dead letter', () =>
      shop.sql('notification', 'DELETE FROM inbox_dead_letter WHERE message_id::text = $1', [poison]),
    );
    const good = { userId: key, email, name: 'Demo', changedAt: new Date().toISOString() };
    await publish(shop, { from: 'identity', type: TYPE, key, data: good });
    stage.say(`${TYPE}: one that says nothing, one that is good`);
    const letter = await until('it is given up', async () => {
      const sql = 'SELECT reason FROM inbox_dead_letter WHERE message_id::text = $1';
      return (await shop.sql<{ reason: string }>('notification', sql, [poison]))[0];
    });
    const mails = await until('the good one is handled', async () => {
      const rows = await shop.sql('notification', 'SELECT FROM mail WHERE recipient = $1', [email]);
      return rows.length > 0 && rows;
    });
    await shop.sql('notification', 'DELETE FROM mail WHERE recipient = $1', [email]);
    return { letter, mails };
  },
  check: ({ letter, mails }) => [
    claim('it is kept, with the reason', letter.reason !== '', letter.reason),
    claim('what came behind it was handled', mails.length === 1, `${mails.length} mails`),
  ],
});

import { claim, defineDemo } from '@flotilla/cli';
import { toError } from '@flotilla/kernel';
import { createDatabase } from '@flotilla/postgres';
import { openShop } from './shop.ts';

async function attempt(uri: string, sql: string): Promise<string> {
  const db = createDatabase({
    uri,
    applicationName: 'flotilla-demo',
    maxConnections: 1,
    acquireTimeoutMs: 5_000,
  });
  try {
    await db.query(sql);
    return 'allowed';
  } catch (error) {
    return toError(error).message;
  } finally {
    await db.close();
  }
}

export const databasePerService = defineDemo({
  name: 'database-per-service',
  chapter: '2.2',
  does: 'Tries to read the payments as the order service, with its own password.',
  look: ['flotilla db uri order', 'docs/data.md'],
  without: 'A column of one service cannot be renamed, since nobody knows who else reads it.',
  prepare: async (stage) => {
    await openShop(stage);
    return {
      own: await stage.control.databaseUri('order', false),
      other: await stage.control.databaseUri('payment', false),
    };
  },
  act: async (stage, { own, other }) => {
    const trespass = new URL(own);
    trespass.pathname = new URL(other).pathname;
    stage.say(`as ${trespass.username}: its own database, then ${trespass.pathname.slice(1)}`);
    return {
      allowed: await attempt(own, 'SELECT FROM order_view LIMIT 1'),
      refused: await attempt(trespass.href, 'SELECT FROM payment LIMIT 1'),
    };
  },
  check: ({ allowed, refused }) => [
    claim('it reads its own tables', allowed === 'allowed', allowed),
    claim('it cannot even connect elsewhere', /permission denied/.test(refused), refused),
  ],
});

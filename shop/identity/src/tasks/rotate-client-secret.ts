import { createClientSecrets } from '@flotilla/auth/provider';
import { createDatabase } from '@flotilla/postgres';
import { runTask, taskError } from '@flotilla/process';
import { readClients } from '../config.ts';
import { hasSecret } from '../oidc/clients.ts';
import { recordOperation } from '../operator-audit.ts';
import { operatorArguments } from './operator-arguments.ts';

const USAGE = 'rotate-client-secret <client> --reason <text> [--by <name>] [--json]';
/** Long enough to bring the new one to where the old one is used. */
const OVERLAP_SECONDS = 24 * 3_600;

/** A new secret of an application, shown this once. Those before it hold for a day more. */
await runTask({
  service: 'identity',
  name: 'rotate-client-secret',
  readConfig: readClients,
  run: async ({ config, args, clock, newId, say, defer }) => {
    const { positionals, asJson, ...operator } = operatorArguments(args, USAGE);
    const [clientId, ...more] = positionals;
    if (clientId === undefined || more.length > 0) throw taskError('TASK_USAGE', `usage: ${USAGE}`);
    const known = config.clients.filter(hasSecret).map(({ id }) => id);
    if (!known.includes(clientId))
      throw taskError(
        'TASK_REFUSED',
        `${clientId} is no client with a secret; there are ${known.join(', ')}. Nothing was changed`,
      );
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'rotate-client-secret',
      maxConnections: 2,
    });
    defer('database', db.close);
    const secrets = createClientSecrets(() => db, clock);
    const secret = await db.transaction(async (tx) => {
      await recordOperation({ clock, newId }, tx, operator, {
        action: 'clients.rotate-secret',
        details: { clientId, overlapSeconds: OVERLAP_SECONDS },
      });
      return await secrets.rotate(tx, clientId, OVERLAP_SECONDS);
    });
    const oldHoldsUntil = new Date(clock.now().getTime() + OVERLAP_SECONDS * 1_000).toISOString();
    if (asJson) say(JSON.stringify({ clientId, secret, oldHoldsUntil }));
    else say(`${secret}\nThis is shown once. Secrets before it hold until ${oldHoldsUntil}.`);
  },
});

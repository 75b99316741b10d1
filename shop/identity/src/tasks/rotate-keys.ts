import { createDatabase } from '@flotilla/postgres';
import { runTask, taskError } from '@flotilla/process';
import { readTaskConfig } from '../config.ts';
import { recordOperation } from '../operator-audit.ts';
import { operatorOf, parseOperatorArguments } from '../operators/operator-arguments.ts';
import { identitySeal } from '../seal.ts';
import { rotateKeys } from '../signing-keys.ts';

const USAGE = 'rotate-keys --reason <text> [--by <name>] [--json]';

/** New signing keys, before they are due. Nobody is refused: they are published an hour before they sign. */
await runTask({
  service: 'identity',
  name: 'rotate-keys',
  readConfig: readTaskConfig,
  run: async ({ config, args, clock, newId, say, defer }) => {
    const { positionals, asJson, ...who } = parseOperatorArguments(args, USAGE);
    if (positionals.length > 0) throw taskError('TASK_USAGE', `usage: ${USAGE}`);
    const operator = operatorOf(who, USAGE);
    const db = createDatabase({
      uri: config.DATABASE_URL,
      applicationName: 'rotate-keys',
      maxConnections: 2,
    });
    defer('database', db.close);
    const seal = identitySeal(config.KEY_ENCRYPTION_KEY);
    const keys = await rotateKeys({ db, seal, clock }, (tx, rotated) =>
      recordOperation({ clock, newId }, tx, operator, {
        action: 'keys.rotate',
        details: { keys: rotated },
      }),
    );
    if (asJson) say(JSON.stringify(keys));
    else
      for (const { alg, kid, signsFrom } of keys)
        say(`${alg} ${kid} is published within 5 minutes and signs from ${signsFrom.toISOString()} on.`);
  },
});

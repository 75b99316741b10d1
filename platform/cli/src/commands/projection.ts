import { cliError } from '../errors.ts';
import { type Command, flag, JSON_HELP, JSON_OPTION, text } from './command.ts';
import { inDatabaseOf, OPERATOR_HELP, OPERATOR_OPTIONS, userOf } from './operator.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION } from './place.ts';

const VERBS = ['list', 'rebuild', 'rollback', 'skip', 'resume'] as const;
const DEFAULT_TIMEOUT_SECONDS = 600;

/**
 * The command runs no code of the service: it writes what is wanted into the service's database, and the running
 * service does it.
 */
export const projection: Command = {
  name: 'projection',
  arguments: 'list|rebuild|rollback|skip|resume <service> [name]',
  summary:
    'shows the read models of a service; rebuilds one beside the old, goes back, gets it past an event',
  takes: [2, 3],
  options: {
    by: OPERATOR_OPTIONS.by,
    timeout: { type: 'string' },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  help: {
    by: OPERATOR_HELP.by,
    timeout: `seconds to wait for the end (default ${DEFAULT_TIMEOUT_SECONDS}); the service goes on without you`,
    ...JSON_HELP,
    ...DATA_DIR_HELP,
  },
  run: async (invocation) => {
    const { values, positionals } = invocation;
    const [action = '', service = '', name] = positionals;
    const verb = VERBS.find((one) => one === action);
    if (verb === undefined)
      throw cliError('CLI_USAGE', `projection knows ${VERBS.join(', ')}, not ${action}`);
    if (verb !== 'list' && name === undefined)
      throw cliError('CLI_USAGE', `usage: flotilla projection ${verb} <service> <name>`);
    const timeoutSeconds = Number(text(values, 'timeout') ?? DEFAULT_TIMEOUT_SECONDS);
    if (!(timeoutSeconds >= 0)) throw cliError('CLI_USAGE', '--timeout takes a number of seconds');
    // Loaded when it is needed: every other command would pay for it at its start.
    const { operateProjection } = await import('../projection/projection-operator.ts');
    const task = { verb, name, by: userOf(values), timeoutSeconds, asJson: flag(values, 'json') };
    return await inDatabaseOf(invocation, service, (db) => operateProjection(db, task));
  },
};

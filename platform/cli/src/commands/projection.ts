import { userInfo } from 'node:os';
import { connectControl } from '../control-client.ts';
import { cliError } from '../errors.ts';
import { type Command, flag, JSON_HELP, JSON_OPTION, text } from './command.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION, placeOf } from './place.ts';

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
    by: { type: 'string' },
    timeout: { type: 'string' },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  help: {
    by: 'who asks, for the record (default: your login)',
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
    const by = text(values, 'by') ?? userInfo().username;
    const uri = await connectControl(placeOf(invocation)).databaseUri(service, true);
    // Loaded when it is needed: every other command would pay for it at its start.
    const { operateProjection } = await import('../projection-operator.ts');
    return await operateProjection({ uri, verb, name, by, timeoutSeconds, asJson: flag(values, 'json') });
  },
};

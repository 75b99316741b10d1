import { connectControl } from '../control-client.ts';
import { cliError } from '../errors.ts';
import { type Command, flag, JSON_HELP, JSON_OPTION } from './command.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION, placeOf } from './place.ts';

export const db: Command = {
  name: 'db',
  arguments: 'uri <service>',
  summary: "prints the connection string of a service's database, of `bus` or of `postgres`",
  takes: [2, 2],
  options: { admin: { type: 'boolean' }, ...JSON_OPTION, ...DATA_DIR_OPTION },
  help: {
    admin: 'as the owner of the tables instead of the role of the service',
    ...JSON_HELP,
    ...DATA_DIR_HELP,
  },
  run: async (invocation) => {
    const { values, positionals } = invocation;
    const [action, service = ''] = positionals;
    if (action !== 'uri') throw cliError('CLI_USAGE', `db knows uri, not ${action}`);
    const uri = await connectControl(placeOf(invocation)).databaseUri(service, flag(values, 'admin'));
    console.log(flag(values, 'json') ? JSON.stringify({ uri }) : uri);
    return 0;
  },
};

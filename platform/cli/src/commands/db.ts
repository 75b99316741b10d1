import { type Command, flag, JSON_OPTION } from '../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../command-line/place.ts';
import { SERVICE } from '../command-line/value-kinds.ts';
import { connectControl } from '../control/client.ts';

const uri: Command = {
  name: 'uri',
  summary: "prints the connection string of a service's database, of `bus` or of `postgres`",
  arguments: [{ kind: SERVICE }],
  options: {
    admin: {
      help: 'as the owner of the tables instead of the role of the service, or of the reader of `bus`',
    },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  example: 'db uri order',
  run: async (invocation) => {
    const { values, positionals } = invocation;
    const [service = ''] = positionals;
    const found = await connectControl(placeOf(invocation)).databaseUri(service, flag(values, 'admin'));
    console.log(flag(values, 'json') ? JSON.stringify({ uri: found }) : found);
    return 0;
  },
};

export const db: Command = {
  name: 'db',
  summary: 'reaches the databases of the services',
  commands: [uri],
};

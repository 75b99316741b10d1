import { connectControl } from '../control-client.ts';
import { cliError } from '../errors.ts';
import { type Command, flag, JSON_HELP, JSON_OPTION } from './command.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION, placeOf } from './place.ts';

export const registry: Command = {
  name: 'registry',
  arguments: 'env',
  summary: "prints the registry's address and the operator's token as the variables of Consul's own clients",
  takes: [1, 1],
  options: { ...JSON_OPTION, ...DATA_DIR_OPTION },
  help: { ...JSON_HELP, ...DATA_DIR_HELP },
  run: async (invocation) => {
    const { values, positionals } = invocation;
    if (positionals[0] !== 'env') throw cliError('CLI_USAGE', `registry knows env, not ${positionals[0]}`);
    const { url, token } = await connectControl(placeOf(invocation)).registry();
    const variables = { CONSUL_HTTP_ADDR: url, CONSUL_HTTP_TOKEN: token };
    const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    console.log(flag(values, 'json') ? JSON.stringify(variables) : lines.join('\n'));
    return 0;
  },
};

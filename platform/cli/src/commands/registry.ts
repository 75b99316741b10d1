import { type Command, flag, JSON_OPTION } from '../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../command-line/place.ts';
import { connectControl } from '../control/client.ts';

const env: Command = {
  name: 'env',
  summary: "prints the registry's address and the operator's token as the variables of Consul's own clients",
  options: { ...JSON_OPTION, ...DATA_DIR_OPTION },
  example: 'registry env',
  run: async (invocation) => {
    const { url, token } = await connectControl(placeOf(invocation)).registry();
    const variables = { CONSUL_HTTP_ADDR: url, CONSUL_HTTP_TOKEN: token };
    const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    console.log(flag(invocation.values, 'json') ? JSON.stringify(variables) : lines.join('\n'));
    return 0;
  },
};

export const registry: Command = {
  name: 'registry',
  summary: 'reaches the registry',
  commands: [env],
};

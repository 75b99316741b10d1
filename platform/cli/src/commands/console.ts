import { type Command, flag, JSON_OPTION } from '../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../command-line/place.ts';
import { connectControl } from '../control/client.ts';

export const console_: Command = {
  name: 'console',
  summary: 'prints a link to the console of the running system; it works once, within an hour',
  options: { ...JSON_OPTION, ...DATA_DIR_OPTION },
  example: 'console',
  run: async (invocation) => {
    const { url } = await connectControl(placeOf(invocation)).consoleLink();
    console.log(flag(invocation.values, 'json') ? JSON.stringify({ url }) : url);
    return 0;
  },
};

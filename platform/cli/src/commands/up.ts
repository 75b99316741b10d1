import { type Command, flag } from '../command-line/command.ts';
import { DATA_DIR_OPTION } from '../command-line/place.ts';
import { amount, oneOf, textOf, wholeNumber } from '../command-line/value-kinds.ts';
import { LOG_LEVELS } from '../logs/log-levels.ts';

export const up: Command = {
  name: 'up',
  summary: 'starts the whole system and keeps it running until Ctrl-C',
  options: {
    port: {
      kind: wholeNumber(0, 65_535, 'port'),
      help: 'port of the first service with a fixed one, instead of the declared port',
    },
    isolated: { help: 'free ports for all, to run beside another system (with --data-dir)' },
    ...DATA_DIR_OPTION,
    demo: { help: 'with demo data, or --no-demo (default: yes, on the embedded PostgreSQL)' },
    'log-level': { kind: oneOf(LOG_LEVELS, 'level'), help: `${LOG_LEVELS.join(', ')} (default info)` },
    only: { kind: textOf('service,…'), help: 'these services alone, separated by commas' },
    watch: { help: 'restarts a service, and it alone, when its sources change' },
    detach: { short: 'd', help: 'in the background: comes back once it starts, flotilla down stops it' },
    wait: {
      help: 'in the background, and comes back when everything is ready; exit 1 when something is not',
    },
    timeout: { kind: amount('seconds'), help: 'with --detach or --wait: how long to wait (default 120)' },
    json: { help: 'with --detach or --wait: what was started, as JSON; errors, too' },
  },
  example: 'up --isolated --data-dir /tmp/second',
  // Most of the program is needed for this command alone.
  run: async (invocation) => {
    const { values } = invocation;
    if (flag(values, 'detach') || flag(values, 'wait'))
      return await (await import('../system/background.ts')).startInBackground(invocation);
    return await (await import('../system/bring-up.ts')).bringUp(invocation);
  },
};

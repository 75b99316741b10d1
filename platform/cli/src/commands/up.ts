import { LOG_LEVELS } from '../log-levels.ts';
import { oneOf, textOf, wholeNumber } from '../value-kinds.ts';
import type { Command } from './command.ts';
import { DATA_DIR_OPTION } from './place.ts';

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
  },
  example: 'up --isolated --data-dir /tmp/second',
  // Most of the program is needed for this command alone.
  run: async (invocation) => (await import('../bring-up.ts')).bringUp(invocation),
};

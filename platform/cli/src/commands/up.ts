import { LOG_LEVELS } from '../log-levels.ts';
import type { Command } from './command.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION } from './place.ts';

export const up: Command = {
  name: 'up',
  arguments: '',
  summary: 'starts the whole system and keeps it running until Ctrl-C',
  takes: [0, 0],
  options: {
    port: { type: 'string' },
    isolated: { type: 'boolean' },
    ...DATA_DIR_OPTION,
    demo: { type: 'boolean' },
    'log-level': { type: 'string' },
    only: { type: 'string' },
  },
  help: {
    port: 'port of the first service with a fixed one, instead of the declared port',
    isolated: 'free ports for all, to run beside another system (with --data-dir)',
    ...DATA_DIR_HELP,
    demo: 'with demo data, or --no-demo (default: yes, on the embedded PostgreSQL)',
    'log-level': `${LOG_LEVELS.join(', ')} (default info)`,
    only: 'these services alone, separated by commas',
  },
  // Most of the program is needed for this command alone.
  run: async (invocation) => (await import('../bring-up.ts')).bringUp(invocation),
};

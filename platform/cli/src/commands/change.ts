import { connectControl } from '../control-client.ts';
import { type Command, flag, JSON_HELP, JSON_OPTION, text } from './command.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION, placeOf } from './place.ts';
import { showInstances } from './ps.ts';

const CRASH_POINT_OPTION = { 'crash-point': { type: 'string' } } as const;
const CRASH_POINT_HELP = { 'crash-point': 'for tests: where this one process kills itself, name[:n]' };

export const stop = change('stop', 'drains and stops one service');
export const start = change('start', 'starts a service that was stopped or given up');
export const restart = change('restart', 'stops and starts one service');

function change(action: 'stop' | 'start' | 'restart', summary: string): Command {
  return {
    name: action,
    arguments: '<service>',
    summary,
    takes: [1, 1],
    options: { ...JSON_OPTION, ...DATA_DIR_OPTION, ...(action !== 'stop' && CRASH_POINT_OPTION) },
    help: { ...JSON_HELP, ...DATA_DIR_HELP, ...(action !== 'stop' && CRASH_POINT_HELP) },
    run: async (invocation) => {
      const { values, positionals } = invocation;
      const [service = ''] = positionals;
      const instances = await connectControl(placeOf(invocation)).change(
        service,
        action,
        text(values, 'crash-point') ?? '',
      );
      showInstances(instances, flag(values, 'json'));
      const wanted = action === 'stop' ? 'Stopped' : 'Running';
      return instances.every(({ state }) => state === wanted) ? 0 : 1;
    },
  };
}

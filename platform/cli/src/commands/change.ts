import { connectControl } from '../control-client.ts';
import { type Command, flag, JSON_HELP, JSON_OPTION, text } from './command.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION, placeOf } from './place.ts';
import { showInstances } from './ps.ts';

const FAULT_OPTIONS = { 'crash-point': { type: 'string' }, 'planted-bug': { type: 'string' } } as const;
const FAULT_HELP = {
  'crash-point':
    'for tests: where this process kills itself, name[:n]; after a comma, where the next one does',
  'planted-bug': 'for tests: a mistake it makes until the next start',
};

export const stop = change('stop', 'drains and stops one service');
export const start = change('start', 'starts a service that was stopped or given up');
export const restart = change('restart', 'stops and starts one service');

function change(action: 'stop' | 'start' | 'restart', summary: string): Command {
  return {
    name: action,
    arguments: '<service>',
    summary,
    takes: [1, 1],
    options: { ...JSON_OPTION, ...DATA_DIR_OPTION, ...(action !== 'stop' && FAULT_OPTIONS) },
    help: { ...JSON_HELP, ...DATA_DIR_HELP, ...(action !== 'stop' && FAULT_HELP) },
    run: async (invocation) => {
      const { values, positionals } = invocation;
      const [service = ''] = positionals;
      const instances = await connectControl(placeOf(invocation)).change(service, action, {
        crashPoints: text(values, 'crash-point') ?? '',
        plantedBug: text(values, 'planted-bug') ?? '',
      });
      showInstances(instances, flag(values, 'json'));
      const wanted = action === 'stop' ? 'Stopped' : 'Running';
      return instances.every(({ state }) => state === wanted) ? 0 : 1;
    },
  };
}

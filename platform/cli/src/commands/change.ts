import { type Command, flag, JSON_OPTION, text } from '../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../command-line/place.ts';
import { thereIsNo } from '../command-line/there-is-no.ts';
import { SERVICE, textOf } from '../command-line/value-kinds.ts';
import { connectControl } from '../control/client.ts';
import { cliError } from '../errors.ts';
import { showInstances } from './ps.ts';

const CRASH_OPTION = {
  'crash-point': {
    kind: textOf('name[:n][,…]'),
    help: 'for tests: where this process kills itself; after a comma, where the next one does',
  },
} as const;

export const stop = change('stop', 'drains and stops services', 'stop payment');
export const start = change('start', 'starts services that were stopped or given up', 'start payment');
export const restart = change('restart', 'stops and starts services', 'restart cart order');

function change(action: 'stop' | 'start' | 'restart', summary: string, example: string): Command {
  return {
    name: action,
    summary,
    arguments: [{ kind: SERVICE, isRepeated: true }],
    options: { ...JSON_OPTION, ...DATA_DIR_OPTION, ...(action !== 'stop' && CRASH_OPTION) },
    example,
    run: async (invocation) => {
      const { values } = invocation;
      const services = [...new Set(invocation.positionals)];
      const control = connectControl(placeOf(invocation));
      // Nothing is changed when one of the names is wrong.
      const known = [...new Set((await control.instances()).map(({ service }) => service))];
      const wrong = services.find((service) => !known.includes(service));
      if (wrong !== undefined) throw cliError('CLI_UNKNOWN_SERVICE', thereIsNo('service', wrong, known));
      const points = text(values, 'crash-point');
      const changed = await Promise.all(services.map((service) => control.change(service, action, points)));
      const instances = changed.flat();
      showInstances(instances, flag(values, 'json'));
      const wanted = action === 'stop' ? 'Stopped' : 'Running';
      return instances.every(({ state }) => state === wanted) ? 0 : 1;
    },
  };
}

import { connectControl, type InstanceStatus } from '../control-client.ts';
import { table } from '../table.ts';
import { type Command, flag, JSON_HELP, JSON_OPTION } from './command.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION, placeOf } from './place.ts';

export const ps: Command = {
  name: 'ps',
  arguments: '',
  summary: 'lists the processes: state, restarts, memory, address',
  takes: [0, 0],
  options: { ...JSON_OPTION, ...DATA_DIR_OPTION },
  help: { ...JSON_HELP, ...DATA_DIR_HELP },
  run: async (invocation) => {
    const instances = await connectControl(placeOf(invocation)).instances();
    showInstances(instances, flag(invocation.values, 'json'));
    return 0;
  },
};

export function showInstances(instances: readonly InstanceStatus[], asJson: boolean): void {
  console.log(asJson ? JSON.stringify(instances, null, 2) : instanceTable(instances));
}

function instanceTable(instances: readonly InstanceStatus[]): string {
  const rows = instances.map(({ service, instance, pid, state, restarts, rssBytes, url, grpc }) => [
    service,
    instance,
    String(pid ?? '-'),
    state,
    String(restarts),
    rssBytes === null ? '-' : `${Math.round(rssBytes / 1_048_576)} MB`,
    [url, grpc && `grpc ${grpc}`].filter(Boolean).join('  ') || '-',
  ]);
  return table([['SERVICE', 'INSTANCE', 'PID', 'STATE', 'RESTARTS', 'MEMORY', 'ADDRESS'], ...rows]);
}

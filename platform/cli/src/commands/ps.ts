import { type Command, flag, JSON_OPTION } from '../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../command-line/place.ts';
import { connectControl, type InstanceStatus } from '../control/client.ts';
import { duration } from '../screen/duration.ts';
import { table } from '../screen/table.ts';

export const ps: Command = {
  name: 'ps',
  summary: 'lists the processes: state, readiness, restarts, uptime, memory, address',
  options: { ...JSON_OPTION, ...DATA_DIR_OPTION },
  example: 'ps --json',
  run: async (invocation) => {
    const control = connectControl(placeOf(invocation));
    // While the system starts there is no registry yet.
    const [instances, registry] = await Promise.all([
      control.instances(),
      control.registry().catch(() => undefined),
    ]);
    const rows = registry === undefined ? instances : [...instances, registryRow(registry.url)];
    showInstances(rows, flag(invocation.values, 'json'));
    return 0;
  },
};

/** No process of its own: it lives in the supervisor, or the user has it elsewhere. */
function registryRow(url: string): InstanceStatus {
  return {
    ...{ service: 'registry', instance: 'registry', pid: null, state: 'Running', ready: true },
    ...{ restarts: 0, uptimeSeconds: null, rssBytes: null, url },
  };
}

export function showInstances(instances: readonly InstanceStatus[], asJson: boolean): void {
  console.log(asJson ? JSON.stringify(instances, null, 2) : instanceTable(instances));
}

const HEAD = ['SERVICE', 'INSTANCE', 'PID', 'STATE', 'READY', 'RESTARTS', 'UPTIME', 'MEMORY', 'ADDRESS'];

function instanceTable(instances: readonly InstanceStatus[]): string {
  const rows = instances.map((one) => [
    one.service,
    one.instance,
    String(one.pid ?? '-'),
    one.state,
    one.ready ? 'yes' : 'no',
    String(one.restarts),
    one.uptimeSeconds === null ? '-' : duration(one.uptimeSeconds),
    one.rssBytes === null ? '-' : `${Math.round(one.rssBytes / 1_048_576)} MB`,
    [one.url, one.grpc && `grpc ${one.grpc}`].filter(Boolean).join('  ') || '-',
  ]);
  return table([HEAD, ...rows]);
}

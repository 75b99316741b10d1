import { connectControl, type InstanceStatus } from '../control/client.ts';
import { table } from '../screen/table.ts';
import { type Command, flag, JSON_OPTION } from './command.ts';
import { DATA_DIR_OPTION, placeOf } from './place.ts';

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

/** The two largest units: `3d 4h`, `5m 12s`. */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  const units = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const;
  const first = units.findIndex(([count]) => count > 0);
  if (first === -1) return '0s';
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

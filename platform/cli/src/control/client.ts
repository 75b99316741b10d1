import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Role } from '@flotilla/console';
import { toError } from '@flotilla/kernel';
import type { Fault } from '@flotilla/resilience';
import type { DataDir } from '../data-dir/data-dir.ts';
import { type CliErrorCode, cliError } from '../errors.ts';
import type { UnitStatus } from '../processes/supervised-process.ts';
import type { BrokerAccess, GatewayAccess, RegistryAccess, TaskProgram } from './server.ts';
import { isNobodyThere } from './socket.ts';

/** A row of `flotilla ps`. */
export interface InstanceStatus extends UnitStatus {
  readonly rssBytes: number | null;
  /** It says itself that it can serve. */
  readonly ready: boolean;
  /** Of the process that runs now. */
  readonly uptimeSeconds: number | null;
}

export interface Control {
  pid(): Promise<number>;
  instances(): Promise<readonly InstanceStatus[]>;
  change(
    service: string,
    action: 'stop' | 'start' | 'restart',
    crashPoints?: string,
  ): Promise<readonly InstanceStatus[]>;
  databaseUri(service: string, asAdmin: boolean): Promise<string>;
  registry(): Promise<RegistryAccess>;
  broker(): Promise<BrokerAccess>;
  gateways(): Promise<readonly GatewayAccess[]>;
  consoleLink(role: Role): Promise<{ readonly url: string }>;
  task(service: string, task: string): Promise<TaskProgram>;
  /** What is injected into the calls between services. */
  faults(): Promise<readonly Fault[]>;
  addFault(edge: string, parts: readonly string[]): Promise<readonly Fault[]>;
  /** Of one edge, or with `''` all. */
  clearFaults(edge: string): Promise<readonly Fault[]>;
  /** Resolves when everything has stopped. */
  down(): Promise<{ readonly pid: number }>;
}

/**
 * The running system of a data directory. Every call fails with `CLI_NOT_RUNNING` when there is none, and with
 * `CLI_NO_ANSWER` when it cannot be told whether there is one.
 */
export function connectControl(dataDir: DataDir): Control {
  const ask = async <T>(method: string, path: string) => parse(await exchange(dataDir, method, path)) as T;
  return {
    pid: async () => (await ask<{ readonly pid: number }>('GET', '/status')).pid,
    instances: () => ask('GET', '/instances'),
    change: (service, action, crashPoints = '') => {
      const query = new URLSearchParams({ 'crash-point': crashPoints });
      return ask('POST', `/services/${encodeURIComponent(service)}/${action}?${query}`);
    },
    databaseUri: async (service, asAdmin) => {
      const path = `/databases/${encodeURIComponent(service)}${asAdmin ? '?admin' : ''}`;
      return (await ask<{ readonly uri: string }>('GET', path)).uri;
    },
    registry: () => ask('GET', '/registry'),
    broker: () => ask('GET', '/broker'),
    gateways: () => ask('GET', '/gateways'),
    consoleLink: (role) => ask('GET', `/console/${role}`),
    task: (service, task) => ask('GET', `/tasks/${encodeURIComponent(service)}/${encodeURIComponent(task)}`),
    faults: () => ask('GET', '/faults'),
    addFault: (edge, parts) => {
      const query = new URLSearchParams();
      for (const part of parts) query.append('part', part);
      return ask('POST', `/faults/${encodeURIComponent(edge)}?${query}`);
    },
    clearFaults: (edge) => ask('DELETE', `/faults/${encodeURIComponent(edge)}`),
    down: () => ask('POST', '/down'),
  };
}

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

async function exchange(dataDir: DataDir, method: string, path: string): Promise<Answer> {
  const call = request({ socketPath: dataDir.controlSocket, method, path, agent: false });
  call.end();
  try {
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    return { status: response.statusCode, body: await text(response) };
  } catch (error) {
    if (isNobodyThere(error))
      throw cliError(
        'CLI_NOT_RUNNING',
        `nothing is running in ${dataDir.path}: start it with \`flotilla up\``,
        error,
      );
    const { message } = toError(error);
    throw cliError('CLI_NO_ANSWER', `what runs in ${dataDir.path} does not answer: ${message}`, error);
  }
}

function parse({ status, body }: Answer): unknown {
  const parsed = JSON.parse(body) as { readonly code?: CliErrorCode; readonly message?: string };
  if (status === 200) return parsed;
  throw cliError(parsed.code ?? 'CLI_USAGE', parsed.message ?? 'the supervisor refused');
}

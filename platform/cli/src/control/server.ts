import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Role } from '@flotilla/console';
import { isPlatformError, toError } from '@flotilla/kernel';
import { residentBytes } from '../processes/resident-memory.ts';
import type { Unit, UnitStatus } from '../processes/supervised-process.ts';
import type { Supervisor } from '../processes/supervisor.ts';
import type { InstanceStatus } from './client.ts';
import type { InjectedFaults } from './injected-faults.ts';

/** What the other commands may ask of a running system. */
export interface Controlled {
  readonly supervisor: Supervisor;
  /** Asks for the end; resolves when everything has stopped. */
  readonly shutDown: () => Promise<void>;
  readonly databaseUri: (service: string, asAdmin: boolean) => string;
  readonly registry: () => RegistryAccess;
  readonly broker: () => BrokerAccess;
  /** Of the processes of gateways that have one. */
  readonly gateways: () => readonly GatewayAccess[];
  /** A link that opens the console, once. */
  readonly consoleLink: (role: Role) => { readonly url: string };
  readonly task: (service: string, task: string) => TaskProgram;
  readonly faults: InjectedFaults;
  /** Throws for crash points that a service does not have. */
  readonly checkCrashPoints: (service: string, crashPoints: string) => Promise<void>;
}

/** A program, and the environment of the service that it works for. */
export interface TaskProgram {
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Of the operator. */
export interface RegistryAccess {
  readonly url: string;
  readonly token: string;
}

/** The admin API of a gateway. */
export interface GatewayAccess {
  readonly service: string;
  readonly instance: string;
  readonly url: string;
  readonly token: string;
}

/** RabbitMQ, with the password; `null` when PostgreSQL is the bus. */
export interface BrokerAccess {
  readonly url: string | null;
}

/** The control API: HTTP on a socket that only this user can open. */
export function createControlServer(controlled: Controlled): Server {
  return createServer((request, response) => {
    answer(controlled, request, response).catch((thrown: unknown) => {
      const error = toError(thrown);
      const code = isPlatformError(error) ? error.code : 'CLI_START_FAILED';
      send(response, code === 'CLI_UNKNOWN_SERVICE' ? 404 : 500, { code, message: error.message });
    });
  });
}

async function answer(
  controlled: Controlled,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://control');
  const [resource = '', name = '', action = ''] = url.pathname.slice(1).split('/').map(decodeURIComponent);
  const route = `${request.method} ${resource}`;
  if (route === 'GET status') return send(response, 200, { pid: process.pid });
  if (route === 'GET instances') return send(response, 200, await describe(controlled.supervisor.units));
  if (route === 'GET databases')
    return send(response, 200, { uri: controlled.databaseUri(name, url.searchParams.has('admin')) });
  if (route === 'GET registry') return send(response, 200, controlled.registry());
  if (route === 'GET console') return send(response, 200, controlled.consoleLink(roleOf(name)));
  if (route === 'GET broker') return send(response, 200, controlled.broker());
  if (route === 'GET gateways') return send(response, 200, controlled.gateways());
  if (route === 'GET tasks') return send(response, 200, controlled.task(name, action));
  if (route === 'GET faults') return send(response, 200, controlled.faults.list());
  if (route === 'POST faults')
    return send(response, 200, controlled.faults.add(name, url.searchParams.getAll('part')));
  if (route === 'DELETE faults') return send(response, 200, controlled.faults.clear(name));
  if (route === 'POST services') {
    const crashPoints = url.searchParams.get('crash-point') ?? '';
    return await changeService(controlled, name, action, crashPoints, response);
  }
  if (route === 'POST down') {
    await controlled.shutDown();
    return send(response, 200, { pid: process.pid });
  }
  send(response, 404, { code: 'CLI_USAGE', message: `unknown request ${request.method} ${url.pathname}` });
}

/** A word that is no role lets nobody change anything. */
function roleOf(name: string): Role {
  return name === 'operator' ? name : 'viewer';
}

async function changeService(
  { supervisor, checkCrashPoints }: Controlled,
  service: string,
  action: string,
  crashPoints: string,
  response: ServerResponse,
): Promise<void> {
  const units = supervisor.unitsOf(service);
  await checkCrashPoints(service, crashPoints);
  if (action !== 'start') await supervisor.stopService(service);
  if (action !== 'stop') await supervisor.startService(service, crashPoints);
  send(response, 200, await describe(units));
}

async function describe(units: readonly Unit[]): Promise<readonly InstanceStatus[]> {
  return await Promise.all(
    units.map(async (unit) => {
      const status = unit.status();
      const [rssBytes, ready] = await Promise.all([residentBytes(status.pid), isReady(status)]);
      return { ...status, ready, uptimeSeconds: unit.uptimeSeconds(), rssBytes };
    }),
  );
}

const READY_WITHIN_MS = 1_000;

/** Asked where its health is: of a gateway beside the address of its users, whose traffic this is not. What has no address is ready when it runs. */
async function isReady({ state, url, admin }: UnitStatus): Promise<boolean> {
  const at = admin ?? url;
  if (state !== 'Running' || at === null) return state === 'Running';
  try {
    const signal = AbortSignal.timeout(READY_WITHIN_MS);
    const response = await fetch(new URL('/health/ready', at), { signal, redirect: 'manual' });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false; // it does not answer, or not in time
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

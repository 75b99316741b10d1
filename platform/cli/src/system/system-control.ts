import type { Server } from 'node:http';
import { join } from 'node:path';
import { databaseUri } from '@flotilla/postgres';
import { consoleLink } from '../attendants/attendants.ts';
import { thereIsNo } from '../command-line/there-is-no.ts';
import { BUS_DATABASE, POSTGRES } from '../config.ts';
import type { InjectedFaults } from '../control/injected-faults.ts';
import {
  createControlServer,
  type GatewayAccess,
  type RegistryAccess,
  type TaskProgram,
} from '../control/server.ts';
import type { Secrets } from '../data-dir/secrets.ts';
import { cliError } from '../errors.ts';
import type { Supervisor } from '../processes/supervisor.ts';
import { refuseUnknownCrashPoints } from './crash-points.ts';
import type { RunOptions, SystemParts } from './run-options.ts';
import { busReaderOf, registryTokens, type SystemFacts, serviceEnvironment } from './service-environment.ts';

/** What others may ask of a running system over its socket. */
export function createSystemControl(
  options: RunOptions,
  parts: SystemParts,
  { supervisor, faults }: { readonly supervisor: Supervisor; readonly faults: InjectedFaults },
): Server {
  const facts = () => parts.facts && { ...parts.facts, adminUri: parts.adminUri() };
  return createControlServer({
    faults,
    supervisor,
    shutDown: options.onDown,
    databaseUri: (service, asAdmin) => databaseOf(facts(), service, asAdmin),
    registry: () => registryOf(facts()),
    consoleLink: (role) => {
      const { secrets } = parts;
      if (options.system.console === undefined || secrets === undefined)
        throw cliError('CLI_NOT_FOUND', 'this system has no console');
      return { url: consoleLink({ ...options, secrets }, role) };
    },
    gateways: () => (parts.secrets === undefined ? [] : gatewaysOf(supervisor, parts.secrets)),
    broker: () => ({ url: options.inherited['RABBITMQ_URL'] || null }),
    task: (service, task) => taskOf(facts(), options.root, service, task),
    checkCrashPoints: (service, points) => refuseUnknownCrashPoints(options, service, points),
  });
}

function registryOf(facts: SystemFacts | undefined): RegistryAccess {
  if (!facts) throw cliError('CLI_NOT_RUNNING', 'the registry is not used yet: wait until the system is up');
  const token = facts.externalRegistry?.token ?? registryTokens(facts.system, facts.secrets).operator;
  return { url: facts.registryUrl, token };
}

/** A gateway that lists it among its secrets shows its admin API to whoever has this one. */
const OPERATOR_TOKEN = 'OPERATOR_TOKEN';

function gatewaysOf({ units }: Supervisor, secrets: Secrets): readonly GatewayAccess[] {
  return units.flatMap((unit) => {
    const { service, instance, operator } = unit.status();
    return operator === undefined
      ? []
      : [{ service, instance, url: operator, token: secrets.get(OPERATOR_TOKEN) }];
  });
}

/** It is the service, in all but what it does. */
function taskOf(facts: SystemFacts | undefined, root: string, service: string, task: string): TaskProgram {
  if (!facts)
    throw cliError('CLI_NOT_RUNNING', 'the databases are not there yet: wait until the system is up');
  const { services } = facts.system;
  if (!Object.hasOwn(services, service))
    throw cliError('CLI_UNKNOWN_SERVICE', thereIsNo('service', service, Object.keys(services)));
  const { tasks = {} } = services[service] ?? {};
  const found = Object.hasOwn(tasks, task) ? tasks[task] : undefined;
  if (found === undefined)
    throw cliError('CLI_NOT_FOUND', `${service}: ${thereIsNo('task', task, Object.keys(tasks))}`);
  return {
    entry: join(root, found.entry),
    env: serviceEnvironment(facts, service, `${service}-${task}`),
  };
}

function databaseOf(facts: SystemFacts | undefined, name: string, asAdmin: boolean): string {
  if (!facts)
    throw cliError('CLI_NOT_RUNNING', 'the databases are not there yet: wait until the system is up');
  const { adminUri } = facts;
  if (name === POSTGRES) return adminUri;
  if (name === BUS_DATABASE && facts.system.bus)
    return databaseUri(adminUri, BUS_DATABASE, asAdmin ? undefined : busReaderOf(facts.secrets));
  const known = Object.entries(facts.system.services).filter(([, service]) => service.database);
  if (!known.some(([service]) => service === name)) {
    const names = known.map(([service]) => service).join(', ');
    throw cliError(
      'CLI_UNKNOWN_SERVICE',
      `${name} has no database; there are ${names}, ${BUS_DATABASE}, ${POSTGRES}`,
    );
  }
  if (asAdmin) return databaseUri(adminUri, name);
  return serviceEnvironment(facts, name, '')['DATABASE_URL'] ?? '';
}

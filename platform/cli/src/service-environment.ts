import type { ProvisionedRole, ProvisionPlan } from '@flotilla/postgres';
import { databaseUri } from '@flotilla/postgres';
import { BUS_DATABASE, type ServiceConfig, type SystemConfig } from './config.ts';
import { type Secrets, sha256Hex } from './secrets.ts';

/** What is the same for all services of a run. */
export interface SystemFacts {
  readonly system: SystemConfig;
  readonly secrets: Secrets;
  readonly adminUri: string;
  readonly registryUrl: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly demo: boolean;
  readonly logLevel: string;
  readonly compileCache: string;
  /** Of the user: passed on, except for what is the supervisor's own. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
}

/** Would let a service reach more than its own. What starts with FLOTILLA_ is meant for the supervisor. */
const NOT_INHERITED = ['DATABASE_URL', 'BUS_URL', 'RABBITMQ_URL', 'SERVICE_SECRET', 'SERVICE_CLIENTS'];

/** The whole environment of one process of a service. */
export function serviceEnvironment(
  facts: SystemFacts,
  name: string,
  instance: string,
): Record<string, string> {
  const service = facts.system.services[name];
  if (!service) throw new TypeError(`unknown service ${name}`);
  return {
    ...inherit(facts.inherited),
    NODE_COMPILE_CACHE: facts.compileCache,
    SERVICE_NAME: name,
    INSTANCE_ID: instance,
    HOST: '127.0.0.1',
    PORT: String(facts.ports[name] ?? 0),
    GRPC_PORT: '0',
    REGISTRY_URL: facts.registryUrl,
    AUDIENCE: facts.system.name,
    LOG_LEVEL: facts.logLevel,
    FLOTILLA_DEMO: facts.demo ? '1' : '0',
    ...issuer(facts),
    ...databases(facts, name, service),
    ...secretsOf(facts, name, service),
    ...service.env,
  };
}

function inherit(inherited: SystemFacts['inherited']): Record<string, string> {
  const entries = Object.entries(inherited).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !NOT_INHERITED.includes(entry[0]) && !entry[0].startsWith('FLOTILLA_'),
  );
  return Object.fromEntries(entries);
}

function issuer({ system, ports }: SystemFacts): Record<string, string> {
  if (!system.issuer) return {};
  const port = ports[system.issuer.service] ?? system.services[system.issuer.service]?.port;
  return { ISSUER: `http://127.0.0.1:${port}${system.issuer.path}` };
}

function databases(facts: SystemFacts, name: string, service: ServiceConfig): Record<string, string> {
  if (!service.database) return {};
  const role = roleOf(facts.secrets, name);
  const rabbitmqUrl = facts.inherited['RABBITMQ_URL'];
  return {
    DATABASE_URL: databaseUri(facts.adminUri, name, role),
    ...(service.bus && { BUS_URL: databaseUri(facts.adminUri, BUS_DATABASE, role) }),
    ...(service.bus && rabbitmqUrl && { RABBITMQ_URL: rabbitmqUrl }),
  };
}

function secretsOf(
  { system, secrets }: SystemFacts,
  name: string,
  service: ServiceConfig,
): Record<string, string> {
  const own = (service.secrets ?? []).map((variable) => [variable, secrets.get(variable)]);
  return {
    ...Object.fromEntries(own),
    ...(service.clientScopes && { SERVICE_SECRET: clientSecret(secrets, name) }),
    ...(service.issuesTokens && { SERVICE_CLIENTS: JSON.stringify(serviceClients(system, secrets)) }),
  };
}

/** The issuer is told hashes only. */
function serviceClients(system: SystemConfig, secrets: Secrets): object {
  const clients = Object.entries(system.services).flatMap(([name, { clientScopes }]) =>
    clientScopes
      ? [[name, { secretSha256: sha256Hex(clientSecret(secrets, name)), scopes: clientScopes }]]
      : [],
  );
  return Object.fromEntries(clients);
}

function clientSecret(secrets: Secrets, name: string): string {
  return secrets.get(`client ${name}`);
}

/** The role is named like the service, because the bus knows a queue's owner by that name. */
function roleOf(secrets: Secrets, name: string): ProvisionedRole {
  return { name, password: secrets.get(`database ${name}`) };
}

/** The databases and roles of a system: one of each for a service, and the bus that they share. */
export function provisionPlan(system: SystemConfig, secrets: Secrets): ProvisionPlan {
  const owners = Object.entries(system.services).filter(([, service]) => service.database);
  const onBus = owners.filter(([, service]) => service.bus).map(([name]) => name);
  return {
    roles: owners.map(([name]) => roleOf(secrets, name)),
    databases: [
      ...owners.map(([name, service]) => ({
        name,
        roles: [name],
        migrations: service.database?.migrations ?? [],
      })),
      ...(system.bus ? [{ name: BUS_DATABASE, roles: onBus, migrations: system.bus.migrations }] : []),
    ],
  };
}

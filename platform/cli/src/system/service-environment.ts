import { join } from 'node:path';
import type { RegistryToken } from '@flotilla/discovery/registry';
import type { ProvisionedRole, ProvisionPlan } from '@flotilla/postgres';
import { databaseUri } from '@flotilla/postgres';
import type { TelemetryTarget } from '../attendants/attendants.ts';
import { BUS_DATABASE, BUS_READER, callersOf, type ServiceConfig, type SystemConfig } from '../config.ts';
import { type Secrets, sha256Hex } from '../data-dir/secrets.ts';
import type { ExternalRegistry } from './preflight.ts';

/** What is the same for all services of a run. */
export interface SystemFacts {
  readonly system: SystemConfig;
  /** The folder of the configuration. */
  readonly root: string;
  readonly secrets: Secrets;
  readonly adminUri: string;
  readonly registryUrl: string;
  /** Where the user has one of their own, its token is that of all services. */
  readonly externalRegistry?: ExternalRegistry | undefined;
  readonly ports: Readonly<Record<string, number>>;
  readonly demo: boolean;
  readonly logLevel: string;
  readonly compileCache: string;
  /** Absent where the system has no store of its own. */
  readonly telemetry?: TelemetryTarget;
  /** Of the user. A service gets what every process needs, and what its configuration names. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
}

/** What Node and the operating system read; everything else of the user's stays with the user. */
const INHERITED = [
  'PATH',
  'HOME',
  'TMPDIR',
  'TZ',
  'LANG',
  'LC_ALL',
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
  'NODE_USE_SYSTEM_CA',
  'NODE_V8_COVERAGE',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
];

/** Of the user, what every service on the bus is to know. */
const BUS_VARIABLES = ['RABBITMQ_URL', 'QUEUE_WARN_MESSAGES', 'QUEUE_WARN_SECONDS'];

/**
 * By default a process lets 32 MB of short-lived objects gather before it looks which of them are still needed. What
 * services do between two requests fits into less.
 */
const YOUNG_GENERATION = '--max-semi-space-size=4';

/** The whole environment of one process of a service. */
export function serviceEnvironment(
  facts: SystemFacts,
  name: string,
  instance: string,
): Record<string, string> {
  const service = facts.system.services[name];
  if (!service) throw new TypeError(`unknown service ${name}`);
  return {
    ...inherit(facts.inherited, service.inherits ?? []),
    ...inherit(facts.inherited, Object.keys(facts.inherited).filter(isOfTelemetry)),
    ...nodeEnvironment(facts),
    SERVICE_NAME: name,
    INSTANCE_ID: instance,
    HOST: '127.0.0.1',
    PORT: String(facts.ports[name] ?? 0),
    GRPC_PORT: '0',
    REGISTRY_URL: facts.registryUrl,
    ...registryCredentials(facts, name),
    AUDIENCE: facts.system.name,
    LOG_LEVEL: facts.logLevel,
    FLOTILLA_DEMO: facts.demo ? '1' : '0',
    ...(service.calls && { FLOTILLA_EDGES: JSON.stringify(service.calls) }),
    ...issuer(facts),
    ...databases(facts, name, service),
    ...secretsOf(facts, name, service),
    ...callers(facts.system, name),
    ...frontend(facts, name),
    ...telemetryExport(facts),
    ...service.env,
  };
}

/** What Node and the operating system read, in every process of a system. */
export function nodeEnvironment({
  inherited,
  compileCache,
}: Pick<SystemFacts, 'inherited' | 'compileCache'>): Record<string, string> {
  return {
    ...inherit(inherited, INHERITED),
    // What the user says comes later, and so counts.
    NODE_OPTIONS: [YOUNG_GENERATION, inherited['NODE_OPTIONS']].filter(Boolean).join(' '),
    NODE_COMPILE_CACHE: compileCache,
  };
}

/** As OpenTelemetry names them, for every service: but what one process is called is not for all. */
function isOfTelemetry(name: string): boolean {
  return name.startsWith('OTEL_') && name !== 'OTEL_SERVICE_NAME';
}

function inherit(user: SystemFacts['inherited'], names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = user[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function issuer({ system, ports }: SystemFacts): Record<string, string> {
  if (!system.issuer) return {};
  const port = ports[system.issuer.service] ?? system.issuer.port;
  return { ISSUER: `http://127.0.0.1:${port}${system.issuer.path}` };
}

function databases(facts: SystemFacts, name: string, service: ServiceConfig): Record<string, string> {
  if (!service.database && !service.bus) return {};
  const role = roleOf(facts.secrets, name);
  return {
    ...(service.database && { DATABASE_URL: databaseUri(facts.adminUri, name, role) }),
    ...(service.bus && { BUS_URL: databaseUri(facts.adminUri, BUS_DATABASE, role) }),
    ...(service.bus && inherit(facts.inherited, BUS_VARIABLES)),
  };
}

function secretsOf(
  { system, secrets }: Pick<SystemFacts, 'system' | 'secrets'>,
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

/** Who has an edge to it in the topology. */
function callers(system: SystemConfig, name: string): Record<string, string> {
  const names = callersOf(system, name);
  if (names === undefined) return {};
  return { CALLERS: names.length > 0 ? names.join(',') : '-' };
}

/** The store of the system, as OpenTelemetry names it. */
function telemetryExport({ telemetry }: SystemFacts): Record<string, string> {
  if (telemetry === undefined) return {};
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: telemetry.url,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${encodeURIComponent(`Bearer ${telemetry.token}`)}`,
  };
}

/** The environment of a process of the platform beside the services. */
export function attendantEnvironment(
  facts: SystemFacts,
  name: string,
  instance: string,
  settings: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    ...nodeEnvironment(facts),
    SERVICE_NAME: name,
    INSTANCE_ID: instance,
    HOST: '127.0.0.1',
    LOG_LEVEL: facts.logLevel,
    ...settings,
  };
}

/** Where what it serves to browsers is built. */
function frontend({ system, root }: SystemFacts, name: string): Record<string, string> {
  const served = Object.values(system.frontends ?? {}).find(({ servedBy }) => servedBy === name);
  return served ? { FRONTEND_DIR: join(root, served.output) } : {};
}

/** The issuer is told hashes only, and whom each may call: for those it exchanges the tokens of users. */
function serviceClients(system: SystemConfig, secrets: Secrets): object {
  const clients = Object.entries(system.services).flatMap(([name, { clientScopes, calls = {} }]) => {
    if (!clientScopes) return [];
    const secretSha256 = sha256Hex(clientSecret(secrets, name));
    return [[name, { secretSha256, scopes: clientScopes, calls: Object.keys(calls) }]];
  });
  return Object.fromEntries(clients);
}

function clientSecret(secrets: Secrets, name: string): string {
  return secrets.get(`client ${name}`);
}

function registryCredentials(
  { externalRegistry, secrets }: SystemFacts,
  name: string,
): Record<string, string> {
  const token = externalRegistry ? externalRegistry.token : registryToken(secrets, name);
  return token === '' ? {} : { CONSUL_HTTP_TOKEN: token };
}

function registryToken(secrets: Secrets, name: string): string {
  return secrets.get(`registry ${name}`);
}

/** The operator's token writes everything, that of a service its own instances: none can pose as another. */
export function registryTokens(
  system: SystemConfig,
  secrets: Secrets,
): { readonly operator: string; readonly all: readonly RegistryToken[] } {
  const operator = secrets.get('registry');
  const services = Object.keys(system.services).map((name) => ({
    accessor: name,
    secret: registryToken(secrets, name),
    writes: [name],
  }));
  return { operator, all: [{ accessor: 'operator', secret: operator, writes: 'all' }, ...services] };
}

/** The role is named like the service, because the bus knows a queue's owner by that name. */
function roleOf(secrets: Secrets, name: string): ProvisionedRole {
  return { name, password: secrets.get(`database ${name}`) };
}

/** Sees what is on the bus and changes nothing. */
export function busReaderOf(secrets: Secrets): ProvisionedRole {
  return roleOf(secrets, BUS_READER);
}

/** Makes every secret that the system needs, so that all can be on disk before anything is locked up with one. */
export function makeSecrets(system: SystemConfig, secrets: Secrets): void {
  provisionPlan(system, secrets);
  for (const [name, service] of Object.entries(system.services))
    secretsOf({ system, secrets }, name, service);
}

/** Public, on everything that the system makes on a server; whoever has the secrets has the same one. */
function systemIdOf(secrets: Secrets): string {
  return sha256Hex(secrets.get('system')).slice(0, 32);
}

/** The databases and roles of a system: one of each for a service, and the bus that they share. */
export function provisionPlan(system: SystemConfig, secrets: Secrets): ProvisionPlan {
  const services = Object.entries(system.services);
  const owners = services.filter(([, service]) => service.database);
  const onBus = services.filter(([, service]) => service.bus).map(([name]) => name);
  const roles = services.filter(([, service]) => service.database || service.bus).map(([name]) => name);
  return {
    systemId: systemIdOf(secrets),
    roles: [...roles.map((name) => roleOf(secrets, name)), ...(system.bus ? [busReaderOf(secrets)] : [])],
    databases: [
      ...owners.map(([name, service]) => ({
        name,
        roles: [name],
        migrations: service.database?.migrations ?? [],
      })),
      ...(system.bus
        ? [{ name: BUS_DATABASE, roles: onBus, readers: [BUS_READER], migrations: system.bus.migrations }]
        : []),
    ],
  };
}

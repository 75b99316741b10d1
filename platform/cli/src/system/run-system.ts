import type { Server } from 'node:http';
import { join } from 'node:path';
import { connectRegistry, type Registry, startRegistry } from '@flotilla/discovery/registry';
import { systemClock } from '@flotilla/kernel';
import { databaseUri, identifyServer, provision } from '@flotilla/postgres';
import { hasEmbeddedPostgres } from '@flotilla/postgres/embedded';
import {
  attendantPrograms,
  attendantSettings,
  consoleLink,
  telemetryTarget,
} from '../attendants/attendants.ts';
import { thereIsNo } from '../command-line/there-is-no.ts';
import { subscribersOf } from '../commands/queue/subscribers.ts';
import { BUS_DATABASE, CONSOLE, POSTGRES, type SystemConfig, TELEMETRY } from '../config.ts';
import { connectControl } from '../control/client.ts';
import { createInjectedFaults } from '../control/injected-faults.ts';
import { createControlServer, type RegistryAccess, type TaskProgram } from '../control/server.ts';
import { claimSocket } from '../control/socket.ts';
import { cliError } from '../errors.ts';
import { buildFrontends } from '../frontends/build-frontends.ts';
import { checkBroker, type FreeBroker } from './broker.ts';
import { compileModules } from './compile-modules.ts';
import { refuseUnknownCrashPoints } from './crash-points.ts';
import type { DataDir } from './data-dir.ts';
import { changeMark, readMark } from './data-dir-mark.ts';
import { createEmbeddedServer } from './launch-postgres.ts';
import { externalRegistry } from './preflight.ts';
import { openSecrets, type Secrets } from './secrets.ts';
import {
  attendantEnvironment,
  busReaderOf,
  makeSecrets,
  nodeEnvironment,
  provisionPlan,
  registryTokens,
  type SystemFacts,
  serviceEnvironment,
} from './service-environment.ts';
import type { UnitEvent } from './supervised-process.ts';
import { createSupervisor, type Supervisor, type SupervisorOptions } from './supervisor.ts';

export interface RunOptions {
  readonly system: SystemConfig;
  readonly root: string;
  readonly dataDir: DataDir;
  readonly ports: Readonly<Record<string, number>>;
  readonly demo: boolean;
  readonly logLevel: string;
  /** Administrator's URI of an existing server, instead of the embedded one. */
  readonly externalAdminUri: string | undefined;
  /** How long any service may be silent; `undefined`: as it is declared. */
  readonly silenceMs: number | undefined;
  /** For tests: what goes wrong in a service, from its first start to its next. */
  readonly crashPoints: (service: string) => string;
  /** For tests: a file to which all services append the crash points that they pass. */
  readonly crashTrace: string | undefined;
  readonly inherited: Readonly<Record<string, string | undefined>>;
  readonly onEvent: SupervisorOptions['onEvent'];
  /** What the user should know besides, a line each. */
  readonly say: (line: string) => void;
  /** Somebody asked for the end over the control socket; resolves when everything has stopped. */
  readonly onDown: () => Promise<void>;
}

export interface RunningSystem {
  readonly supervisor: Supervisor;
  /** Resolves when everything is ready or was given up. Rejects when what all need cannot start. */
  readonly started: Promise<void>;
  /** Stops everything that runs. */
  shutdown(): Promise<void>;
  /** Gives up the right to the data. */
  close(): Promise<void>;
}

const ENDED: readonly UnitEvent['type'][] = ['crashed', 'gave-up', 'stopped'];

/** Brings a whole system up. Fails with `CLI_ALREADY_RUNNING` when its data is in use. */
export async function runSystem(options: RunOptions): Promise<RunningSystem> {
  const { system, dataDir, externalAdminUri } = options;
  const external = externalRegistry(options.inherited);
  const embedded = createEmbeddedServer({ dataDir: dataDir.postgresData, logFile: dataDir.postgresLog });
  const adminUri = () => externalAdminUri ?? embedded.adminUri();
  const ending = new AbortController();
  const running: { facts?: SystemFacts; registry?: Registry } = {};
  const attendants = attendantPrograms(system, options.inherited);

  const supervisor = createSupervisor({
    system,
    root: options.root,
    logFolder: dataDir.logs,
    silenceMs: options.silenceMs,
    attendants,
    onEvent: (unit, event) => {
      // Its port is free again: nobody else's process may be taken for it until the TTL ends.
      if (ENDED.includes(event.type)) running.registry?.deregister(unit.instance);
      if (event.type === 'ready') faults.tell(unit);
      options.onEvent(unit, event);
    },
    ...(externalAdminUri === undefined && { launchPostgres: embedded.launch }),
    environment: (service, instance) => {
      if (!running.facts) throw new TypeError('services start after their databases');
      const facts = { ...running.facts, adminUri: adminUri() };
      if (service in attendants)
        return attendantEnvironment(
          facts,
          service,
          instance,
          attendantSettings({ ...options, secrets }, service),
        );
      const env = serviceEnvironment(facts, service, instance);
      const { crashTrace } = options;
      return crashTrace === undefined ? env : { ...env, FLOTILLA_CRASH_TRACE: crashTrace };
    },
  });
  const faults = createInjectedFaults({
    isAllowed: options.demo,
    services: Object.keys(system.services),
    units: () => supervisor.units,
  });
  const control = createControlServer({
    faults,
    supervisor,
    shutDown: options.onDown,
    databaseUri: (service, asAdmin) => databaseOf(running.facts, adminUri(), service, asAdmin),
    registry: () => registryOf(running.facts),
    consoleLink: () => {
      if (system.console === undefined) throw cliError('CLI_NOT_FOUND', 'this system has no console');
      return { url: consoleLink({ ...options, secrets }) };
    },
    broker: () => ({ url: options.inherited['RABBITMQ_URL'] || null }),
    task: (service, task) => {
      const facts = running.facts && { ...running.facts, adminUri: adminUri() };
      return taskOf(facts, options.root, service, task);
    },
    checkCrashPoints: (service, points) => refuseUnknownCrashPoints(options, service, points),
  });
  if (!(await claimSocket(control, dataDir.controlSocket))) {
    const pid = await connectControl(dataDir).pid();
    throw cliError('CLI_ALREADY_RUNNING', `it is already running in ${dataDir.path} (process ${pid})`);
  }
  const secrets = await openKept(dataDir).catch(async (error: unknown) => {
    await closeServer(control);
    throw error;
  });
  const registry = external
    ? connectRegistry(external)
    : await startRegistry({ port: 0, tokens: registryTokens(system, secrets).all });
  running.registry = registry;

  async function start(): Promise<void> {
    // Every secret is made and on disk before anything is locked up with one.
    makeSecrets(system, secrets);
    if (CONSOLE in attendants) secrets.get(CONSOLE);
    const telemetry = TELEMETRY in attendants ? telemetryTarget({ ...options, secrets }) : undefined;
    await secrets.save();
    const plan = provisionPlan(system, secrets);
    const broker = await brokerFor(options, plan.systemId, ending.signal);
    await noteWhatIsMade(dataDir, plan.systemId, externalAdminUri, broker?.address);
    await noteSubscribers(dataDir, system);
    await broker?.claim();
    // Who has a compile cache already shares it: a new data directory would begin with an empty one.
    const compileCache = options.inherited['NODE_COMPILE_CACHE'] || dataDir.compileCache;
    const program = { env: nodeEnvironment({ ...options, compileCache }), signal: ending.signal };
    const compiled = compileModules({
      entries: Object.values(system.services).map(({ entry }) => join(options.root, entry)),
      compileCache,
      ...program,
    });
    if (externalAdminUri === undefined) await startPostgres(supervisor);
    const facts = {
      ...options,
      adminUri: adminUri(),
      secrets,
      registryUrl: registry.url,
      externalRegistry: external,
      compileCache,
      ...(telemetry && { telemetry }),
    };
    await provision(adminUri(), plan);
    running.facts = facts;
    await compiled;
    // Beside the services, which answer without pages, too.
    const pages = buildFrontends({ system, root: options.root, say: options.say, ...program });
    await supervisor.start(Object.keys(system.services), options.crashPoints);
    await Promise.all([pages, ...Object.keys(attendants).map((name) => supervisor.startService(name))]);
  }

  return {
    supervisor,
    started: start(),
    shutdown: async () => {
      ending.abort();
      await supervisor.shutdown();
      await registry.close();
    },
    close: () => closeServer(control),
  };
}

/** Secrets are saved before anything is made: where there are data and no secrets, these were lost. */
async function openKept(dataDir: DataDir): Promise<Secrets> {
  const secrets = await openSecrets(dataDir.secretsFile);
  if (!secrets.areNew) return secrets;
  const mark = await readMark(dataDir);
  if (mark?.servers.length === 0 && !(await hasEmbeddedPostgres(dataDir.postgresData))) return secrets;
  throw cliError(
    'CLI_SECRETS_LOST',
    `there are data of this system, but not ${dataDir.secretsFile}, whose secrets they are locked with: restore it from a backup, or begin afresh with \`flotilla down --reset\`. Nothing was changed`,
  );
}

/** The virtual host that the services will use, if any will. Nobody else's is touched. */
async function brokerFor(
  { system, dataDir, inherited }: RunOptions,
  systemId: string,
  signal: AbortSignal,
): Promise<FreeBroker | undefined> {
  const rabbitmqUrl = inherited['RABBITMQ_URL'];
  if (!rabbitmqUrl || !Object.values(system.services).some(({ bus }) => bus)) return undefined;
  const mark = await readMark(dataDir);
  return await checkBroker({ system, systemId, rabbitmqUrl, mark, signal });
}

/** Where to look when it is to be deleted. */
async function noteWhatIsMade(
  dataDir: DataDir,
  systemId: string,
  adminUri: string | undefined,
  broker: string | undefined,
): Promise<void> {
  const server = adminUri === undefined ? undefined : await identifyServer(adminUri);
  await changeMark(dataDir, ({ servers, brokers }) => ({
    systemId,
    servers: server ? [...servers.filter(({ id }) => id !== server.id), server] : servers,
    brokers: broker ? [...new Set([...brokers, broker])] : brokers,
  }));
}

/** RabbitMQ does not tell which queues it has: those of services that are gone are found again by their names. */
async function noteSubscribers(dataDir: DataDir, system: SystemConfig): Promise<void> {
  await changeMark(dataDir, ({ subscribers = [] }) => ({
    subscribers: [...new Set([...subscribers, ...subscribersOf(system)])].sort(),
  }));
}

async function startPostgres(supervisor: Supervisor): Promise<void> {
  const ready = await Promise.all(supervisor.unitsOf(POSTGRES).map((unit) => unit.start()));
  if (!ready.every(Boolean)) throw cliError('CLI_START_FAILED', 'PostgreSQL did not start');
}

function registryOf(facts: SystemFacts | undefined): RegistryAccess {
  if (!facts) throw cliError('CLI_NOT_RUNNING', 'the registry is not used yet: wait until the system is up');
  const token = facts.externalRegistry?.token ?? registryTokens(facts.system, facts.secrets).operator;
  return { url: facts.registryUrl, token };
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

function databaseOf(
  facts: SystemFacts | undefined,
  adminUri: string,
  name: string,
  asAdmin: boolean,
): string {
  if (!facts)
    throw cliError('CLI_NOT_RUNNING', 'the databases are not there yet: wait until the system is up');
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
  return serviceEnvironment({ ...facts, adminUri }, name, '')['DATABASE_URL'] ?? '';
}

/** The answer to `down` is on its way: it is let out, and idle connections are not waited for. */
async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    void systemClock.sleep(1_000).then(() => server.closeAllConnections());
  });
}

import { join } from 'node:path';
import type { Registry } from '@flotilla/discovery/registry';
import { identifyServer, provision } from '@flotilla/postgres';
import { telemetryTarget } from '../attendants/attendants.ts';
import { CONSOLE, POSTGRES, type SystemConfig, TELEMETRY } from '../config.ts';
import type { DataDir } from '../data-dir/data-dir.ts';
import { changeMark, readMark } from '../data-dir/data-dir-mark.ts';
import type { Secrets } from '../data-dir/secrets.ts';
import { cliError } from '../errors.ts';
import { buildFrontends } from '../frontends/build-frontends.ts';
import type { Supervisor } from '../processes/supervisor.ts';
import { subscribersOf } from '../queues/subscribers.ts';
import { checkBroker, type FreeBroker } from './broker.ts';
import { compileModules } from './compile-modules.ts';
import type { externalRegistry } from './preflight.ts';
import type { RunOptions, SystemParts } from './run-options.ts';
import { makeSecrets, nodeEnvironment, provisionPlan } from './service-environment.ts';

export interface StartDeps {
  readonly parts: SystemParts;
  readonly secrets: Secrets;
  readonly registry: Registry;
  readonly externalRegistry: ReturnType<typeof externalRegistry>;
  readonly supervisor: Supervisor;
  /** Ends what is only done on the way up. */
  readonly signal: AbortSignal;
}

/**
 * Secrets, the broker, PostgreSQL, the databases, the services, and everything beside them: each once what it needs is there.
 * Resolves when everything is ready or was given up; rejects when what all need cannot start.
 */
export async function startSystem(options: RunOptions, deps: StartDeps): Promise<void> {
  const { system, dataDir, root, inherited, externalAdminUri } = options;
  const { parts, secrets, registry, supervisor, signal } = deps;
  const { attendants, adminUri } = parts;
  // Every secret is made and on disk before anything is locked up with one.
  makeSecrets(system, secrets);
  if (CONSOLE in attendants) secrets.get(CONSOLE);
  const telemetry = TELEMETRY in attendants ? telemetryTarget({ ...options, secrets }) : undefined;
  await secrets.save();
  const plan = provisionPlan(system, secrets);
  const broker = await brokerFor(options, plan.systemId, signal);
  await noteWhatIsMade(dataDir, plan.systemId, externalAdminUri, broker?.address);
  await noteSubscribers(dataDir, system);
  await broker?.claim();
  // Who has a compile cache already shares it: a new data directory would begin with an empty one.
  const compileCache = inherited['NODE_COMPILE_CACHE'] || dataDir.compileCache;
  const program = { env: nodeEnvironment({ ...options, compileCache }), signal };
  const entries = Object.values(system.services).map(({ entry }) => join(root, entry));
  const compiled = compileModules({ entries, compileCache, ...program });
  if (externalAdminUri === undefined) await startPostgres(supervisor);
  const facts = {
    ...options,
    ...{ adminUri: adminUri(), secrets, compileCache },
    registryUrl: registry.url,
    externalRegistry: deps.externalRegistry,
    ...(telemetry && { telemetry }),
  };
  await provision(adminUri(), plan);
  parts.facts = facts;
  await compiled;
  // Beside the services, which answer without pages, too.
  const pages = buildFrontends({ system, root, say: options.say, ...program });
  await supervisor.start(Object.keys(system.services), options.crashPoints);
  await Promise.all([pages, ...Object.keys(attendants).map((name) => supervisor.startService(name))]);
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

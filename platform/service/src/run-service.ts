import { admitTokens } from '@flotilla/auth';
import { register } from '@flotilla/discovery';
import { createHttpHost, failedChecks, type HttpHost, type ReadinessCheck } from '@flotilla/http';
import { systemClock } from '@flotilla/kernel';
import {
  armFaults,
  ConfigurationError,
  type ProcessContext,
  type RunningProcess,
  readServiceEnvironment,
  runProcess,
  type ServiceEnvironment,
} from '@flotilla/process';
import { createLogger, readTelemetrySettings, startTelemetry } from '@flotilla/telemetry';
import { createContext } from './create-context.ts';
import type { ServiceContext, ServiceDefinition, StartedService } from './service.ts';

/** Clients hear of a deregistration within milliseconds; until then this instance still accepts. */
const FAREWELL_MS = 100;

/** What a service reads before anything else: its own part, and the part of every service. */
export interface Settings<Config> {
  readonly env: ServiceEnvironment;
  readonly config: Config;
  /** What `OTEL_*` says. */
  readonly telemetry: ReturnType<typeof readTelemetrySettings>;
}

/**
 * The whole life of a service process, by `runProcess`: configuration, start, listening, registration, and an end that
 * loses no request. Configuration that is missing is listed whole, that of every service with its own.
 */
export async function runService<Config>(definition: ServiceDefinition<Config>): Promise<void> {
  const { name } = definition;
  await runProcess<Settings<Config>>({
    name,
    readSettings: () => readSettings(definition),
    createLogger: ({ env }) =>
      createLogger({ service: name, level: env.logLevel }).child({ instance: env.instanceId }),
    start: async (running) => {
      armFaults(name, running.settings.env);
      return await serve(definition, running);
    },
  });
}

/** Brings everything up. */
async function serve<Config>(
  definition: ServiceDefinition<Config>,
  running: ProcessContext<Settings<Config>>,
): Promise<RunningProcess> {
  const { env } = running.settings;
  const { service, verifier, readiness } = await createContext(definition, running);
  const { name, version = '0.0.0' } = definition;
  const { logger, metrics } = service;
  const telemetry = await startTelemetry({
    ...{ service: name, version, instance: env.instanceId, metrics, logger },
    settings: running.settings.telemetry,
    logsSpans: env.logLevel === 'debug',
  });
  running.defer('telemetry', () => telemetry.close());
  const { grpc, ...served } = await definition.start(service);
  if (!served.verifyToken && !verifier && served.handlers.some(({ route }) => route.access !== 'public'))
    throw new ConfigurationError(['ISSUER is required: some routes are guarded']);
  const admission = { revocations: service.revocations, callers: env.callers };
  const host = createHttpHost({
    service: definition.name,
    ...(definition.version !== undefined && { version: definition.version }),
    ...(verifier && { verifyToken: verifier }),
    ...served,
    ...(served.verifyToken && { verifyToken: admitTokens(served.verifyToken, admission) }),
    readiness,
    edges: service.edges,
    logger: service.logger,
    metrics: service.metrics,
  });
  const { url, port } = await host.listen({ host: env.host, port: env.port });
  const grpcPort = await grpc?.listen(env.host, env.grpcPort);
  const instance = await announce(service, readiness, port, grpcPort);
  return {
    addresses: { url, ...(grpcPort !== undefined && { grpc: `${env.host}:${grpcPort}` }) },
    withdraw: () => withdraw(instance, host, grpc),
  };
}

async function announce(
  { name, env, logger }: ServiceContext<unknown>,
  readiness: Readonly<Record<string, ReadinessCheck>>,
  port: number,
  grpcPort: number | undefined,
): Promise<{ deregister(): Promise<void> } | undefined> {
  const { registryUrl: url, registryToken: token, zone } = env.discovery;
  if (url === undefined) return undefined;
  return await register({
    url,
    ...(token !== undefined && { token }),
    ...(zone !== undefined && { zone }),
    service: name,
    id: env.instanceId,
    host: env.host,
    port,
    ...(grpcPort !== undefined && { grpcPort }),
    isReady: async () => (await failedChecks(readiness)).length === 0,
    logger,
  });
}

/** Callers are sent elsewhere and new ones do not come, then no new connections, then nothing in flight. */
async function withdraw(
  instance: { deregister(): Promise<void> } | undefined,
  host: HttpHost,
  grpc: StartedService['grpc'],
): Promise<void> {
  host.startDraining();
  if (instance) {
    await instance.deregister();
    await systemClock.sleep(FAREWELL_MS);
  }
  await Promise.all([host.close(), grpc?.close()]);
}

/** Both parts are read before either is reported, so that one run shows everything that is wrong. */
function readSettings<Config>({ name, readConfig }: ServiceDefinition<Config>): Settings<Config> {
  const problems: string[] = [];
  const collect = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const env = collect(() => readServiceEnvironment(process.env, name));
  const config = collect(() => ({ held: readConfig(process.env) }));
  const telemetry = collect(() => ({
    held: readTelemetrySettings(process.env, (found) => {
      throw new ConfigurationError(found);
    }),
  }));
  if (env && config && telemetry) return { env, config: config.held, telemetry: telemetry.held };
  throw new ConfigurationError(problems);
}

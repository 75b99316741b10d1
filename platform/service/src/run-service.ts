import {
  type Balancer,
  createConsulResolver,
  createRoundRobin,
  createStaticResolver,
  register,
} from '@flotilla/discovery';
import { createHttpHost, failedChecks, type HttpHost } from '@flotilla/http';
import { answerPings, isPlatformError, systemClock, toError, uuidv7 } from '@flotilla/kernel';
import {
  armFaults,
  ConfigurationError,
  createDisposal,
  type Disposal,
  readServiceEnvironment,
  repeat,
  type ServiceEnvironment,
  whenAskedToStop,
} from '@flotilla/process';
import { createLogger, createMetrics, type Logger } from '@flotilla/telemetry';
import { createIdentityAccess } from './identity-access.ts';
import type { ServiceContext, ServiceDefinition, StartedService } from './service.ts';

/** As sysexits.h: something that the service needs is away, and it is worth trying again. */
const EXIT_LACKING = 75;
/** The configuration is wrong, starting again is of no use. */
const EXIT_CONFIG = 78;

/** Clients hear of a deregistration within milliseconds; until then this instance still accepts. */
const FAREWELL_MS = 100;

const START_GRACE_MS = 3_000;

/**
 * The whole life of a service process: configuration, start, listening, registration, and an end that loses no
 * request. Ends the process itself: 0 after a requested stop, 1 after a fault, 75 when what it needs is away, 78 with
 * unusable configuration.
 */
export async function runService<Config>(definition: ServiceDefinition<Config>): Promise<void> {
  const { env, config } = readSettings(definition);
  const logger = createLogger({ service: definition.name, level: env.logLevel }).child({
    instance: env.instanceId,
  });
  const die = (what: string) => (thrown: unknown) => {
    logger.error({ err: toError(thrown) }, what);
    process.exit(exitCodeOf(thrown));
  };
  process.on('uncaughtException', die('an exception was not caught'));
  process.on('unhandledRejection', die('a rejection was not handled'));
  armFaults(definition.name, env);
  answerPings();

  const disposal = createDisposal(logger);
  const background = new AbortController();
  const stopped = whenAskedToStop(logger);
  const serving = serve({ definition, config, env, logger, disposal, background, die });
  serving.catch(die('the service could not start'));

  const reason = await stopped;
  logger.info({ reason }, 'stopping');
  // Asked to stop while still starting: what is half up is finished first, so that it can be taken down whole.
  const withdraw = await Promise.race([serving, systemClock.sleep(START_GRACE_MS).then(() => undefined)]);
  await withdraw?.();
  background.abort();
  await disposal.dispose();
  logger.info({}, 'stopped');
  process.exit(0);
}

function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof ConfigurationError) return EXIT_CONFIG;
  return isPlatformError(thrown) && thrown.retryable ? EXIT_LACKING : 1;
}

interface Running<Config> {
  readonly definition: ServiceDefinition<Config>;
  readonly config: Config;
  readonly env: ServiceEnvironment;
  readonly logger: Logger;
  readonly disposal: Disposal;
  readonly background: AbortController;
  readonly die: (what: string) => (thrown: unknown) => void;
}

/** Brings everything up and returns what takes it out of service again. */
async function serve<Config>(running: Running<Config>): Promise<() => Promise<void>> {
  const { definition, env, logger } = running;
  const { context, verifier } = createContext(running);
  const started = await definition.start(context);
  const verifyToken = started.verifyToken ?? verifier;
  if (!verifyToken && started.handlers.some(({ route }) => route.access !== 'public'))
    throw new ConfigurationError(['ISSUER is required: some routes are guarded']);
  const host = createHttpHost({
    service: definition.name,
    ...(definition.version !== undefined && { version: definition.version }),
    handlers: started.handlers,
    readiness: started.readiness ?? {},
    ...(started.alsoBelow !== undefined && { alsoBelow: started.alsoBelow }),
    ...(started.rawRoutes && { rawRoutes: started.rawRoutes }),
    ...(started.bodyLimitBytes !== undefined && { bodyLimitBytes: started.bodyLimitBytes }),
    ...(verifyToken && { verifyToken }),
    logger,
    metrics: context.metrics,
  });
  const { url, port } = await host.listen({ host: env.host, port: env.port });
  const grpcPort = await started.grpc?.listen(env.host, env.grpcPort);
  const instance = await announce(running, started, port, grpcPort);
  const bootMs = Math.round(performance.now());
  logger.info({ url, ...(grpcPort !== undefined && { grpcPort }), bootMs }, 'serving');
  process.send?.({
    type: 'ready',
    url,
    answersPings: true,
    ...(grpcPort !== undefined && { grpc: `${env.host}:${grpcPort}` }),
  });
  return () => withdraw(instance, host, started);
}

async function announce<Config>(
  { definition, env, logger }: Running<Config>,
  { readiness = {} }: StartedService,
  port: number,
  grpcPort: number | undefined,
): Promise<{ deregister(): Promise<void> } | undefined> {
  if (env.registryUrl === undefined) return undefined;
  return await register({
    url: env.registryUrl,
    ...(env.registryToken !== undefined && { token: env.registryToken }),
    service: definition.name,
    id: env.instanceId,
    host: env.host,
    port,
    ...(grpcPort !== undefined && { grpcPort }),
    isReady: async () => (await failedChecks(readiness)).length === 0,
    logger,
  });
}

/** No new callers, then no new connections, then nothing in flight. */
async function withdraw(
  instance: { deregister(): Promise<void> } | undefined,
  host: HttpHost,
  { grpc }: StartedService,
): Promise<void> {
  if (instance) {
    await instance.deregister();
    await systemClock.sleep(FAREWELL_MS);
  }
  await Promise.all([host.close(), grpc?.close()]);
}

function createContext<Config>(running: Running<Config>) {
  const { definition, config, env, logger, disposal, background, die } = running;
  const metrics = createMetrics();
  const pick = createPick(env, logger, disposal);
  const identity = createIdentityAccess({ name: definition.name, env, pick, logger, metrics });
  disposal.defer('identity client', identity.close);
  const work: ServiceContext<Config>['background'] = (name, task) => {
    const running = task(background.signal).catch((thrown: unknown) => {
      if (!background.signal.aborted) die(`background task ${name} failed`)(thrown);
    });
    disposal.defer(name, () => running);
  };
  const context: ServiceContext<Config> = {
    name: definition.name,
    config,
    env,
    logger,
    metrics,
    clock: systemClock,
    newId: uuidv7,
    verifyToken:
      identity.verifyToken ??
      (() => Promise.reject(new ConfigurationError(['ISSUER is required to verify tokens']))),
    pick,
    tokens: identity.tokens,
    signal: background.signal,
    defer: disposal.defer,
    background: work,
    every: (name, everyMs, round) =>
      work(name, (signal) => repeat({ name, everyMs, round, clock: systemClock, logger, signal })),
  };
  return { context, verifier: identity.verifyToken };
}

function createPick(env: ServiceEnvironment, logger: Logger, disposal: Disposal): Balancer['pick'] {
  const { registryUrl: url, registryToken: token } = env;
  const resolver =
    url === undefined
      ? createStaticResolver({})
      : createConsulResolver({ url, ...(token !== undefined && { token }), logger });
  disposal.defer('service resolver', () => resolver.close());
  return createRoundRobin(resolver).pick;
}

/** Both parts are read before either is reported, so that one run shows everything that is wrong. */
function readSettings<Config>({ name, readConfig }: ServiceDefinition<Config>): {
  env: ServiceEnvironment;
  config: Config;
} {
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
  if (env && config) return { env, config: config.held };
  const list = problems.map((problem) => `  - ${problem}\n`).join('');
  process.stderr.write(`${name} cannot start, its configuration is not usable:\n${list}`);
  process.exit(EXIT_CONFIG);
}

import { isPlatformError, toError, uuidv7 } from '@flotilla/kernel';
import { ConfigurationError, type ProcessContext, type RunningProcess, runProcess } from '@flotilla/process';
import {
  collectProcessMetrics,
  createLogger,
  createMetrics,
  type Logger,
  readTelemetrySettings,
  startTelemetry,
} from '@flotilla/telemetry';
import { createAdminListener } from '../admin/create-admin-listener.ts';
import { loadConfigFiles } from '../config/files.ts';
import type { Environment } from '../config/overlays.ts';
import { readGatewayConfig } from '../config/read-gateway-config.ts';
import { watchConfig } from '../config/watch.ts';
import { createGateway, type Gateway } from '../create-gateway.ts';
import type { GatewayConfig } from '../model.ts';
import type { AccessLogLevel } from '../observation/observe.ts';
import { answerHealthQuestions, createHealthListener } from './health.ts';
import { type CredentialFiles, readCredentials, watchCertificates } from './watch-certificates.ts';

/** One gateway process as the command line describes it. Plain data: it is handed to workers as JSON. */
export interface GatewayProcessOptions {
  /** A file, or a folder of files to merge. */
  readonly configPath: string;
  readonly host: string;
  readonly port: number;
  /** `--ocelot-strict`. */
  readonly strict: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly accessLog: AccessLogLevel;
  /** PEM files. */
  readonly tls?: CredentialFiles & { readonly requiresClientCertificate?: boolean };
  readonly admin?: { readonly port: number; readonly token: string };
  /** Health, readiness and metrics for whoever may reach this address. */
  readonly health?: { readonly host: string; readonly port: number };
  /** Without TLS: HTTP/2 with prior knowledge instead of HTTP/1.1. */
  readonly cleartext?: 'http/1.1' | 'h2c';
  /** For requests in flight at the end, unless the configuration says it. Default 8,000. */
  readonly drainTimeoutMs?: number;
  /** Where rate limits with `Store: "Shared"` are counted. */
  readonly redisUrl?: string;
  /** Variables of OpenTelemetry: where what it has to tell goes. Default: nowhere. */
  readonly telemetry?: Readonly<Record<string, string>>;
  /** Variables that the configuration may use, and the name of the environment: as for `loadConfigFiles`. */
  readonly env?: Environment;
  /** Shown to Consul when the configuration names no token. */
  readonly consulToken?: string;
}

/** Of this package; what configures a gateway has none of its own. */
const VERSION = '0.1.0';

/** Shorter than what is usually waited before SIGKILL: 10 s by containers. */
const DRAIN_MS = 8_000;
/** Of processes in general, and what of it is for all that comes after the last request. */
const USUAL_LIMIT_MS = 20_000;
const CLOSING_MS = 5_000;

/**
 * The whole life of a gateway process. What keeps it from starting, a port that is taken included, ends it with the status
 * of unusable configuration: another try would change nothing.
 */
export async function runGateway(options: GatewayProcessOptions): Promise<void> {
  const { configPath, strict, consulToken, logLevel, env } = options;
  const load = async () =>
    withToken(
      readGatewayConfig(await loadConfigFiles(configPath, env === undefined ? {} : { env }), { strict }),
      consulToken,
    );
  await runProcess({
    name: 'gateway',
    refusal: 'Unable to start the gateway:',
    readSettings: () => orRefuse(load),
    createLogger: () => createLogger({ service: 'gateway', level: logLevel }),
    stopLimitMs: ({ limits }) => stopLimitMs(limits.drainTimeoutMs ?? options.drainTimeoutMs ?? DRAIN_MS),
    start: (process) => orRefuse(() => serve(options, load, process)),
  });
}

/** Whoever gives requests more time than is usual has them answered, and what is behind them closed in order. */
function stopLimitMs(drainMs: number): number | undefined {
  const neededMs = drainMs + CLOSING_MS;
  return neededMs > USUAL_LIMIT_MS ? neededMs : undefined;
}

/** Every problem for itself. */
async function orRefuse<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const problems = isPlatformError(error) && error.details['problems'];
    throw new ConfigurationError(Array.isArray(problems) ? problems.map(String) : [toError(error).message]);
  }
}

function withToken(config: GatewayConfig, token: string | undefined): GatewayConfig {
  if (token === undefined || config.discovery === undefined) return config;
  return { ...config, discovery: { ...config.discovery, token: config.discovery.token ?? token } };
}

async function serve(
  options: GatewayProcessOptions,
  load: () => Promise<GatewayConfig>,
  { settings: config, logger, defer }: ProcessContext<GatewayConfig>,
): Promise<RunningProcess> {
  const { host, port, strict, redisUrl } = options;
  const instance = uuidv7();
  const target = { service_name: 'gateway', service_instance_id: instance };
  const metrics = createMetrics({ target });
  const telemetry = await startTelemetry({
    ...{ service: 'gateway', version: VERSION, instance, metrics, logger },
    settings: readTelemetrySettings(options.telemetry ?? {}, (problems) => {
      throw new ConfigurationError(problems);
    }),
    logsSpans: options.logLevel === 'debug',
  });
  defer('telemetry', () => telemetry.close());
  collectProcessMetrics(metrics);
  const gateway = createGateway({
    config,
    logger,
    metrics,
    accessLog: options.accessLog,
    loadConfig: load,
    drainTimeoutMs: options.drainTimeoutMs ?? DRAIN_MS,
    ...(redisUrl !== undefined && { redisUrl }),
  });
  defer('gateway', () => gateway.close());
  warn(logger, config);
  if (options.admin !== undefined) {
    const admin = createAdminListener({ ...options.admin, gateway: gateway.admin, logger });
    defer('admin API', () => admin.close());
    logger.info({ url: (await admin.listen()).url }, 'the admin API listens');
  }
  const { isReady } = gateway.admin;
  await openHealth(options, { isReady, metrics: () => metrics.render() }, logger, defer);
  const tls = options.tls && (await readCredentials(options.tls));
  const { requiresClientCertificate = false } = options.tls ?? {};
  const { cleartext = 'http/1.1' } = options;
  const { url, setCertificates } = await gateway.listen({
    ...{ host, port, cleartext, requiresClientCertificate },
    ...(tls && { tls }),
  });
  if (options.tls !== undefined) {
    const stop = watchCertificates({
      files: options.tls,
      use: setCertificates,
      onUsed: () => logger.info({}, 'the exchanged certificates are in force'),
      onProblem: (err) =>
        logger.error({ err }, 'the certificates cannot be used: those before stay in force'),
    });
    defer('watch of certificates', stop);
  }
  followConfig(options, config, { gateway, load, logger, defer });
  return { addresses: { url }, facts: { routes: config.routes.length, strict } };
}

/** With several processes the one that started them answers, and asks each. */
async function openHealth(
  { health }: GatewayProcessOptions,
  of: { isReady(): boolean; metrics(): string },
  logger: Logger,
  defer: ProcessContext<GatewayConfig>['defer'],
): Promise<void> {
  answerHealthQuestions(of);
  if (health === undefined) return;
  const listener = createHealthListener({
    ...health,
    isReady: async () => of.isReady(),
    metrics: async () => of.metrics(),
  });
  defer('health', () => listener.close());
  logger.info({ url: await listener.listen() }, 'health and metrics are told');
}

/** A changed file is put in force by itself, and on SIGHUP at once. */
function followConfig(
  { configPath, strict, env }: GatewayProcessOptions,
  config: GatewayConfig,
  {
    gateway,
    load,
    logger,
    defer,
  }: {
    readonly gateway: Gateway;
    readonly load: () => Promise<GatewayConfig>;
    readonly logger: Logger;
    readonly defer: ProcessContext<GatewayConfig>['defer'];
  },
): void {
  const use = (next: GatewayConfig) => {
    const changes = gateway.reload(next);
    logger.info({ changes }, 'another configuration is in force');
    warn(logger, next);
  };
  const onInvalid = (problems: readonly string[]) =>
    logger.error({ problems }, 'the configuration is not valid: the one before stays in force');
  const watch = watchConfig({
    path: configPath,
    config,
    options: { strict },
    ...(env && { env }),
    onConfig: use,
    onInvalid,
    logger,
  });
  defer('watch of the configuration', () => watch.close());
  process.on('SIGHUP', () => {
    load()
      .then(use)
      .catch((error: unknown) => {
        const problems = isPlatformError(error) && error.details['problems'];
        onInvalid(Array.isArray(problems) ? problems.map(String) : [toError(error).message]);
      });
  });
}

function warn(logger: Logger, { warnings }: GatewayConfig): void {
  for (const warning of warnings) logger.warn({ warning }, 'the configuration has something unexpected');
}

import { isPlatformError, toError } from '@flotilla/kernel';
import {
  collectProcessMetrics,
  createLogger,
  createMetrics,
  type Logger,
  logSpans,
} from '@flotilla/telemetry';
import { createAdminListener } from '../admin/create-admin-listener.ts';
import { loadConfigFiles } from '../config/files.ts';
import { readGatewayConfig } from '../config/read-gateway-config.ts';
import { watchConfig } from '../config/watch.ts';
import { createGateway } from '../create-gateway.ts';
import type { GatewayConfig } from '../model.ts';
import type { AccessLogLevel } from '../observation/observe.ts';
import { readCertificates, watchCertificates } from './watch-certificates.ts';

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
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  readonly admin?: { readonly port: number; readonly token: string };
  /** Where rate limits with `Store: "Shared"` are counted. */
  readonly redisUrl?: string;
  /** Shown to Consul when the configuration names no token. */
  readonly consulToken?: string;
}

/** As sysexits.h: starting again is of no use. */
export const EXIT_CONFIG = 78;
const HARD_STOP_MS = 15_000;
/** Shorter than what is usually waited before SIGKILL. */
const DRAIN_MS = 4_000;

/** Runs until SIGTERM or SIGINT; further signals do no harm. Ends the process when it cannot start. */
export async function runGateway(options: GatewayProcessOptions): Promise<void> {
  const { configPath, strict, consulToken } = options;
  const load = async () =>
    withToken(readGatewayConfig(await loadConfigFiles(configPath), { strict }), consulToken);
  const config = await load().catch((error: unknown) => refuseToStart(error));
  const logger = createLogger({ service: 'gateway', level: options.logLevel });
  process.on('uncaughtException', (err) => die(logger, err));
  process.on('unhandledRejection', (thrown) => die(logger, toError(thrown)));
  try {
    await serve(options, config, load, logger);
  } catch (error) {
    refuseToStart(error);
  }
}

function withToken(config: GatewayConfig, token: string | undefined): GatewayConfig {
  if (token === undefined || config.discovery === undefined) return config;
  return { ...config, discovery: { ...config.discovery, token: config.discovery.token ?? token } };
}

async function serve(
  options: GatewayProcessOptions,
  config: GatewayConfig,
  load: () => Promise<GatewayConfig>,
  logger: Logger,
): Promise<void> {
  const { host, port, configPath, strict, redisUrl } = options;
  const closers: (() => Promise<void>)[] = [];
  stopOnSignals(logger, async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const metrics = createMetrics();
  collectProcessMetrics(metrics);
  const gateway = createGateway({
    config,
    logger,
    metrics,
    accessLog: options.accessLog,
    ...(options.logLevel === 'debug' && { recordSpan: logSpans(logger) }),
    loadConfig: load,
    drainTimeoutMs: DRAIN_MS,
    ...(redisUrl !== undefined && { redisUrl }),
  });
  closers.push(gateway.close);
  warn(logger, config);
  if (options.admin !== undefined) {
    const admin = createAdminListener({ ...options.admin, gateway: gateway.admin, logger });
    closers.push(admin.close);
    logger.info({ url: (await admin.listen()).url }, 'the admin API listens');
  }
  const tls = options.tls && (await readCertificates(options.tls));
  const { url, setCertificates } = await gateway.listen({ host, port, ...(tls && { tls }) });
  if (options.tls !== undefined) {
    const stop = watchCertificates({
      files: options.tls,
      use: setCertificates,
      onUsed: () => logger.info({}, 'the exchanged certificates are in force'),
      onProblem: (err) =>
        logger.error({ err }, 'the certificates cannot be used: those before stay in force'),
    });
    closers.push(async () => stop());
  }
  logger.info({ url, routes: config.routes.length, strict }, 'serving');
  process.send?.({ type: 'ready', url });
  const watch = watchConfig({
    path: configPath,
    config,
    options: { strict },
    onConfig: (next) => {
      const changes = gateway.reload(next);
      logger.info({ changes }, 'another configuration is in force');
      warn(logger, next);
    },
    onInvalid: (problems) =>
      logger.error({ problems }, 'the configuration is not valid: the one before stays in force'),
  });
  closers.push(watch.close);
}

function warn(logger: Logger, { warnings }: GatewayConfig): void {
  for (const warning of warnings) logger.warn({ warning }, 'the configuration has something unexpected');
}

function stopOnSignals(logger: Logger, close: () => Promise<void>): void {
  let isStopping = false;
  const stop = (reason: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ reason }, 'stopping');
    setTimeout(() => process.exit(1), HARD_STOP_MS).unref();
    close().then(
      () => process.exit(0),
      (error: unknown) => die(logger, toError(error)),
    );
  };
  for (const reason of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.on(reason, () => stop(reason));
}

/** Every problem on a line of its own behind a first line that says what it is about. */
function refuseToStart(error: unknown): never {
  const problems = isPlatformError(error) && error.details['problems'];
  const lines = Array.isArray(problems) ? problems.map(String) : [toError(error).message];
  process.stderr.write(`Unable to start the gateway:\n${lines.join('\n')}\n`);
  process.exit(EXIT_CONFIG);
}

function die(logger: Logger, err: Error): never {
  logger.error({ err }, 'the gateway ended because of a fault');
  process.exit(1);
}

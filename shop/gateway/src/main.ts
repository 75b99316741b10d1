import { readFile } from 'node:fs/promises';
import { createConsulResolver } from '@flotilla/discovery';
import { hostsAsServices, readGatewayConfig } from '@flotilla/gateway';
import { answerPings, toError } from '@flotilla/kernel';
import { collectProcessMetrics, createLogger, createMetrics, type Logger } from '@flotilla/telemetry';
import { createShopGateway, shopService } from './app.ts';
import { type GatewayEnvironment, readConfig } from './config.ts';

/** As sysexits.h: starting again is of no use. */
const EXIT_CONFIG = 78;
const HARD_STOP_MS = 15_000;

const env = orExit(() => readConfig(process.env));
const config = parseConfig(await readFile(env.GATEWAY_CONFIG, 'utf8').catch(unreadable));
const logger = createLogger({ service: 'gateway', level: env.LOG_LEVEL });
process.on('uncaughtException', (err) => die(logger, err));
process.on('unhandledRejection', (thrown) => die(logger, toError(thrown)));
await serve(env).catch((error: unknown) => die(logger, toError(error)));

async function serve(settings: GatewayEnvironment) {
  const { HOST, PORT, ADMIN_PORT, REGISTRY_URL, CONSUL_HTTP_TOKEN, ISSUER, AUDIENCE } = settings;
  const metrics = createMetrics();
  collectProcessMetrics(metrics);
  const resolver = createConsulResolver({
    url: REGISTRY_URL,
    ...(CONSUL_HTTP_TOKEN !== undefined && { token: CONSUL_HTTP_TOKEN }),
    logger,
  });
  const gateway = createShopGateway({
    config,
    resolver,
    issuer: ISSUER,
    audience: AUDIENCE,
    logger,
    metrics,
  });
  const { url, admin } = await gateway.listen({ host: HOST, port: PORT, adminPort: ADMIN_PORT });
  logger.info({ url, admin }, 'serving');
  answerPings();
  process.send?.({ type: 'ready', url, admin, answersPings: true });

  const asked = new Set<string>();
  const stop = async (reason: string) => {
    if (asked.has(reason)) process.exit(1); // the same wish twice means: at once
    asked.add(reason);
    if (asked.size > 1) return; // Ctrl-C sends SIGINT, then the supervisor SIGTERM: one wish
    logger.info({ reason }, 'stopping');
    setTimeout(() => process.exit(1), HARD_STOP_MS).unref();
    await gateway.close();
    await resolver.close();
    process.exit(0);
  };
  for (const reason of ['SIGTERM', 'SIGINT', 'disconnect'] as const)
    process.on(reason, () => void stop(reason).catch((error: unknown) => die(logger, toError(error))));
}

function parseConfig(text: string) {
  const config = orExit(() =>
    readGatewayConfig(text, { registered: { providers: ['Bearer'], discovery: true } }),
  );
  return hostsAsServices(config, shopService);
}

function unreadable(error: unknown): never {
  process.stderr.write(`Unable to start the gateway: GATEWAY_CONFIG: ${toError(error).message}\n`);
  process.exit(EXIT_CONFIG);
}

function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`Unable to start the gateway: ${toError(error).message}\n`);
    process.exit(EXIT_CONFIG);
  }
}

function die(to: Logger, err: Error): never {
  to.error({ err }, 'the gateway ended because of a fault');
  process.exit(1);
}

import { readFile } from 'node:fs/promises';
import { hostsAsServices, readGatewayConfig } from '@flotilla/gateway';
import { isPlatformError, systemClock, toError } from '@flotilla/kernel';
import { createTransport } from '@flotilla/messaging';
import { ConfigurationError, discoverySettings, runProcess } from '@flotilla/process';
import { createRevocationFeed, openResolver } from '@flotilla/service';
import {
  collectProcessMetrics,
  createLogger,
  createMetrics,
  readTelemetrySettings,
  startTelemetry,
} from '@flotilla/telemetry';
import { createShopGateway, shopService } from './app.ts';
import { readConfig } from './config.ts';

await runProcess({
  name: 'gateway',
  readSettings: async () => {
    const env = readConfig(process.env);
    const telemetry = readTelemetrySettings(process.env, refuse);
    return { env, telemetry, config: await readRoutes(env.GATEWAY_CONFIG) };
  },
  createLogger: ({ env }) => createLogger({ service: 'gateway', level: env.LOG_LEVEL }),
  start: async ({ settings: { env, config, telemetry: exported }, logger, defer }) => {
    const { HOST, PORT, ADMIN_PORT, OPERATOR_TOKEN } = env;
    const facts = { service: 'gateway', version: '0.1.0', instance: env.INSTANCE_ID };
    const metrics = createMetrics({
      target: {
        service_name: facts.service,
        service_version: facts.version,
        service_instance_id: facts.instance,
      },
    });
    const logsSpans = env.LOG_LEVEL === 'debug';
    const telemetry = await startTelemetry({ ...facts, metrics, logger, settings: exported, logsSpans });
    defer('telemetry', () => telemetry.close());
    const collector = collectProcessMetrics(metrics);
    defer('process metrics', () => collector.close());
    const resolver = await openResolver(discoverySettings(env), { logger, metrics, defer });
    const revocations = createRevocationFeed({ clock: systemClock, logger, metrics });
    const { BUS_URL: busUrl, RABBITMQ_URL: rabbitmqUrl } = env;
    if (busUrl !== undefined) {
      const transport = await createTransport({ name: 'gateway', busUrl, rabbitmqUrl, logger, metrics });
      defer('message transport', () => transport.close());
      const watch = revocations.follow(transport);
      defer('revocations', () => watch.close());
    }
    const gateway = createShopGateway({
      ...{ config, resolver, revocations, logger, metrics },
      issuer: env.ISSUER,
      audience: env.AUDIENCE,
      ...(OPERATOR_TOKEN !== undefined && { operatorToken: OPERATOR_TOKEN }),
    });
    defer('gateway', () => gateway.close());
    return { addresses: await gateway.listen({ host: HOST, port: PORT, adminPort: ADMIN_PORT }) };
  },
});

function refuse(problems: readonly string[]): never {
  throw new ConfigurationError(problems);
}

async function readRoutes(file: string) {
  try {
    const registered = { providers: ['Bearer'], discovery: true };
    const config = readGatewayConfig(await readFile(file, 'utf8'), { registered });
    return hostsAsServices(config, shopService);
  } catch (error) {
    const problems = isPlatformError(error) && error.details['problems'];
    const list = Array.isArray(problems) ? problems.map(String) : [toError(error).message];
    throw new ConfigurationError(list.map((problem) => `GATEWAY_CONFIG: ${problem}`));
  }
}

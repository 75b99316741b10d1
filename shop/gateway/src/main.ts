import { readFile } from 'node:fs/promises';
import { createConsulResolver } from '@flotilla/discovery';
import { hostsAsServices, readGatewayConfig } from '@flotilla/gateway';
import { isPlatformError, systemClock, toError } from '@flotilla/kernel';
import { createTransport } from '@flotilla/messaging';
import { ConfigurationError, runProcess } from '@flotilla/process';
import { createRevocationFeed } from '@flotilla/service';
import { collectProcessMetrics, createLogger, createMetrics } from '@flotilla/telemetry';
import { createShopGateway, shopService } from './app.ts';
import { readConfig } from './config.ts';

await runProcess({
  name: 'gateway',
  readSettings: async () => {
    const env = readConfig(process.env);
    return { env, config: await readRoutes(env.GATEWAY_CONFIG) };
  },
  createLogger: ({ env }) => createLogger({ service: 'gateway', level: env.LOG_LEVEL }),
  start: async ({ settings: { env, config }, logger, defer }) => {
    const { HOST, PORT, ADMIN_PORT, REGISTRY_URL, CONSUL_HTTP_TOKEN: token } = env;
    const metrics = createMetrics({
      target: { service_name: 'gateway', service_version: '0.1.0', service_instance_id: env.INSTANCE_ID },
    });
    const collector = collectProcessMetrics(metrics);
    defer('process metrics', () => collector.close());
    const resolver = createConsulResolver({
      url: REGISTRY_URL,
      ...(token !== undefined && { token }),
      logger,
    });
    defer('service resolver', () => resolver.close());
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
    });
    defer('gateway', () => gateway.close());
    return { addresses: await gateway.listen({ host: HOST, port: PORT, adminPort: ADMIN_PORT }) };
  },
});

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

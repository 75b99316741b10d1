import { createRemoteKeys, createTokenVerifier, type Revocations } from '@flotilla/auth';
import { createRoundRobin, type Resolver } from '@flotilla/discovery';
import { createAdminListener, createGateway, type GatewayConfig } from '@flotilla/gateway';
import { createHttpClient, createHttpHost } from '@flotilla/http';
import { type Logger, type Metrics, newTrace, runInContext } from '@flotilla/telemetry';
import { eventDocuments, getJwks } from '@shop/contracts';

export interface ShopGatewayOptions {
  readonly config: GatewayConfig;
  readonly resolver: Resolver;
  /** `iss` and `aud` that access tokens must have. */
  readonly issuer: string;
  readonly audience: string;
  /** Which tokens are refused before their end. */
  readonly revocations: Pick<Revocations, 'revokes'>;
  /** For the admin API, on a local port of its own. Without one there is none. */
  readonly operatorToken?: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface ShopGateway {
  listen(address: {
    readonly host: string;
    readonly port: number;
    readonly adminPort: number;
  }): Promise<{ readonly url: string; readonly admin: string; readonly operator?: string }>;
  close(): Promise<void>;
}

/**
 * The shop's front door, with its health and metrics on a second, local port: the public one serves routes and
 * nothing else. Operators have a third one. Signing keys come from the identity service, found by discovery.
 */
export function createShopGateway(options: ShopGatewayOptions): ShopGateway {
  const { config, resolver, issuer, audience, revocations, operatorToken, logger, metrics } = options;
  const { pick } = createRoundRobin(resolver);
  const identity = createHttpClient({ service: 'identity', pick, logger, metrics });
  const keys = createRemoteKeys({
    // Keys serve all requests: the trace and deadline of the one that needs them first must not count.
    fetchJwks: async (signal) => {
      const ask = () => identity.call(getJwks, {}, { signal });
      return (await runInContext({ trace: newTrace() }, ask)).body;
    },
    onProblem: (err) => logger.warn({ err }, 'the signing keys could not be loaded'),
  });
  const verifyToken = createTokenVerifier({ issuer, audience, algorithms: ['ES256'], keys, revocations });
  const gateway = createGateway({
    config,
    resolver,
    verifiers: { Bearer: verifyToken },
    documents: eventDocuments(),
    logger,
    metrics,
  });
  const admin = createHttpHost({
    service: 'gateway',
    handlers: [],
    logger,
    metrics,
    readiness: {
      identity: async () => {
        await pick('identity');
      },
    },
  });
  const operator =
    operatorToken === undefined
      ? undefined
      : createAdminListener({ token: operatorToken, port: 0, gateway: gateway.admin, logger });
  for (const warning of config.warnings) logger.warn({ warning }, 'gateway.json has something unexpected');

  return {
    listen: async ({ host, port, adminPort }) => {
      const local = await admin.listen({ host: '127.0.0.1', port: adminPort });
      const forOperators = await operator?.listen();
      const { url } = await gateway.listen({ host, port });
      return { url, admin: local.url, ...(forOperators && { operator: forOperators.url }) };
    },
    close: async () => {
      await gateway.close();
      await Promise.all([admin.close(), operator?.close(), identity.close()]);
    },
  };
}

/**
 * In a cluster `order-service` is a name that its DNS knows. Here the registry knows the service by its own name, so that a file
 * written for the cluster works unchanged.
 */
export function shopService(host: string): string | undefined {
  const [, service] = /^(\w+)-service$/.exec(host) ?? [];
  return service;
}

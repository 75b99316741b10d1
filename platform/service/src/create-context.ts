import type { VerifyToken } from '@flotilla/auth';
import { createBalancer } from '@flotilla/discovery';
import type { ReadinessCheck } from '@flotilla/http';
import { systemClock, uuidv7 } from '@flotilla/kernel';
import { ConfigurationError, type ProcessContext, type ServiceEnvironment } from '@flotilla/process';
import { createEdges } from '@flotilla/resilience';
import { createMetrics } from '@flotilla/telemetry';
import { policiesOf, readEdgeSettings } from './edge-settings.ts';
import { createIdentityAccess } from './identity-access.ts';
import { openResolver } from './open-resolver.ts';
import { receiveFaults } from './receive-faults.ts';
import { createRevocationFeed } from './revocation-feed.ts';
import type { ServiceContext, ServiceDefinition } from './service.ts';

export interface CreatedContext<Config> {
  readonly service: ServiceContext<Config>;
  /** `undefined` without an issuer. */
  readonly verifier: VerifyToken | undefined;
  /** Grows by `readyWhen`. */
  readonly readiness: Readonly<Record<string, ReadinessCheck>>;
}

/** What every service has before it starts its own part. */
export async function createContext<Config>(
  { name, version = '0.0.0' }: Pick<ServiceDefinition<Config>, 'name' | 'version'>,
  running: ProcessContext<{ readonly env: ServiceEnvironment; readonly config: Config }>,
): Promise<CreatedContext<Config>> {
  const { settings, ...life } = running;
  const { env, config } = settings;
  const metrics = createMetrics({
    target: { service_name: name, service_version: version, service_instance_id: env.instanceId },
    onRefused: (metric, why) => life.logger.warn({ metric, why }, 'an observation was not taken as it came'),
  });
  const { zone } = env.discovery;
  const resolver = await openResolver(env.discovery, { ...life, metrics });
  const { pick } = createBalancer(resolver, zone === undefined ? {} : { zone });
  const faults = receiveFaults({ isAllowed: env.demo, logger: life.logger });
  const calls = readEdgeSettings(env.edges);
  const edges = createEdges({
    caller: name,
    logger: life.logger,
    metrics,
    faults,
    settings: policiesOf(calls),
  });
  const { logger } = life;
  const revocations = createRevocationFeed({ clock: systemClock, logger, metrics });
  const identity = createIdentityAccess({ name, env, pick, logger, metrics, edges, revocations });
  life.defer('identity client', identity.close);
  const readiness: Record<string, ReadinessCheck> = {};
  const service: ServiceContext<Config> = {
    ...life,
    ...{ name, config, env, metrics, edges, pick },
    clock: systemClock,
    newId: uuidv7,
    verifyToken:
      identity.verifyToken ??
      (() => Promise.reject(new ConfigurationError(['ISSUER is required to verify tokens']))),
    tokens: identity.tokens,
    exchange: (callee) => (calls[callee]?.userToken === 'exchange' ? identity.exchanged(callee) : undefined),
    revocations,
    readyWhen: (what, check) => {
      readiness[what] = check;
    },
  };
  return { service, verifier: identity.verifyToken, readiness };
}

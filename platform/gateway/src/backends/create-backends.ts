import type { Resolver } from '@flotilla/discovery';
import type { Clock } from '@flotilla/kernel';
import { hostInUrl } from '@flotilla/kernel/addresses';
import { createInstances, createRetryBudget, type Instances, type RetryBudget } from '@flotilla/resilience';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { GatewayConfig, RouteConfig } from '../model.ts';
import type { VersionConfig } from '../policies/versions/config.ts';
import type { Timers } from '../time/timers.ts';
import type { BackendClient } from '../wire/backend/backend-call.ts';
import type { BackendPool } from './backends.ts';
import type { CreateBalancer } from './balancers.ts';
import { type Breaker, createBreaker } from './breaker.ts';
import { createFixedSource, type InstanceSource } from './instance-source.ts';
import { createKeptValues } from './kept-values.ts';
import { newSideId } from './new-side.ts';
import { createPool, type Pool } from './pool.ts';
import { createProbes, type Probes } from './probes.ts';
import { routeIdOf } from './route-id.ts';
import { type RouteState, stateOf } from './route-state.ts';
import { createServiceSources, type ServiceSources } from './service-sources.ts';
import { createStickySessions, type StickySessions } from './sticky.ts';

export interface BackendsOptions {
  readonly config: Pick<GatewayConfig, 'discovery' | 'routes' | 'dynamic'>;
  /** Finds the instances of routes with `ServiceName` when the configuration names no provider. The caller closes it. */
  readonly resolver?: Resolver;
  /** For active health checks. */
  readonly backendClient: BackendClient;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  /** Load balancers of the program's own, by the `Type` that asks for them. */
  readonly balancers?: ReadonlyMap<string, CreateBalancer>;
}

/** The back ends of all routes, and what was learnt about them. The same question gives the same object. */
export interface Backends {
  poolFor(route: RouteConfig): BackendPool;
  /** `undefined` = the route has none. */
  breakerFor(route: RouteConfig): Breaker | undefined;
  retryBudgetFor(route: RouteConfig): RetryBudget;
  /**
   * Takes over another configuration: called before its routes ask for their pools. Routes whose options for back
   * ends are the same keep them with all their state; instances keep theirs by address. Pools that are still used
   * by requests of the old configuration go on working.
   */
  retain(config: Pick<GatewayConfig, 'discovery' | 'routes' | 'dynamic'>): void;
  /** `http://host:port` of an instance of a service; `undefined` when there is none. */
  locate(service: string): Promise<string | undefined>;
  states(): readonly RouteState[];
  /** Leaves an instance out until it is restored, whatever its health. `false` = there is no such address. */
  eject(address: string): boolean;
  restore(address: string): boolean;
  /**
   * Other weights for the versions of a route, until the configuration changes them. `undefined` = there is no such
   * route or it has no version of that tag; else the weights before.
   */
  setWeights(
    routeId: string,
    weights: Readonly<Record<string, number>>,
  ): readonly VersionConfig[] | undefined;
  close(): Promise<void>;
}

/** Of routes that are not in the configuration, as dynamic ones; those of the configuration are all kept. */
const MAX_TRANSIENT = 1_000;
const NONE: ReadonlyMap<string, CreateBalancer> = new Map();

export function createBackends(options: BackendsOptions): Backends {
  const { backendClient, timers, logger, metrics, random = Math.random } = options;
  const instances = createInstances(timers);
  const probes = createProbes({ backendClient, timers, random, logger, onChange: instances.changed });
  const services = createServiceSources({ ...options, discovery: options.config.discovery });
  const sticky = new Map<string, StickySessions>();
  let configured = routeIds(options.config.routes);
  const kept = { maxOthers: MAX_TRANSIENT, configured: () => configured };
  const pools = createKeptValues<Pool>({ ...kept, forget: (pool) => pool.close() });
  const breakers = createKeptValues<Breaker>({ ...kept, forget: () => undefined });
  const budgets = createKeptValues<RetryBudget>({ ...kept, forget: () => undefined });

  const opened = metrics.counter(
    'gateway_breaker_opened_total',
    'Circuits that opened.',
    ['http_route'],
    '{circuit}',
  );
  const names = options.config.routes.filter(({ breaker }) => breaker !== undefined).map(({ name }) => name);
  opened.startAtZero({ http_route: names });

  const makePool = createPoolMaker(options, { services, instances, probes, random, stickyFor });

  function stickyFor(cookie: string): StickySessions {
    const known = sticky.get(cookie);
    if (known !== undefined) return known;
    const sessions = createStickySessions();
    sticky.set(cookie, sessions);
    return sessions;
  }

  const poolFor = (route: RouteConfig): Pool =>
    pools.of(routeIdOf(route), poolFingerprint(route, services.fingerprint), () => makePool(route));

  return {
    poolFor,
    breakerFor: (route) => {
      const { breaker } = route;
      if (breaker === undefined) return undefined;
      const report = (state: Breaker['state']): void => {
        if (state === 'open') opened.inc({ http_route: route.name });
        logger.warn({ route: route.name, state }, 'the circuit has changed');
      };
      return breakers.of(routeIdOf(route), JSON.stringify(breaker), () => createBreaker(breaker, report));
    },
    retryBudgetFor: (route) => {
      const { budgetPercent } = route.retry;
      return budgets.of(routeIdOf(route), String(budgetPercent), () => createRetryBudget(budgetPercent));
    },
    retain: ({ routes, discovery, dynamic }) => {
      services.use(discovery);
      const before = configured;
      configured = routeIds(routes);
      // Routes that requests brought stay as long as requests may bring routes.
      const stays = (id: string) => configured.has(id) || (dynamic !== undefined && !before.has(id));
      for (const values of [pools, breakers, budgets]) values.retain(stays);
      const cookies = cookiesOf({ routes, dynamic });
      for (const cookie of sticky.keys()) if (!cookies.has(cookie)) sticky.delete(cookie);
      instances.retain(new Set(pools.entries().flatMap(([, pool]) => addressesOf(pool))));
    },
    locate: async (service) => {
      const source = services.of(service, undefined);
      const [first] = source.current() ?? (await source.load());
      return first && `http://${hostInUrl(first.host)}:${first.port}`;
    },
    states: () => pools.entries().map(([id, pool]) => stateOf(id, pool, breakers.get(id))),
    eject: instances.hold,
    restore: instances.restore,
    setWeights: (routeId, weights) => {
      const pool = pools.get(routeId);
      if (pool === undefined) return undefined;
      const before = pool.versions;
      const isKnown = (tag: string) => before.some((version) => version.tag === tag);
      if (!Object.keys(weights).every(isKnown)) return undefined;
      pool.setVersions(before.map(({ tag, weight }) => ({ tag, weight: weights[tag] ?? weight })));
      return before;
    },
    close: async () => {
      pools.retain(() => false);
      probes.close();
      instances.close();
      await services.close();
    },
  };
}

interface PoolParts {
  readonly services: ServiceSources;
  readonly instances: Instances;
  readonly probes: Probes;
  readonly random: () => number;
  readonly stickyFor: (cookie: string) => StickySessions;
}

function createPoolMaker(
  { timers, logger, metrics, balancers = NONE }: BackendsOptions,
  { services, instances, probes, random, stickyFor }: PoolParts,
): (route: RouteConfig) => Pool {
  const ejections = metrics.counter(
    'gateway_ejections_total',
    'Instances left out for their failures.',
    ['server_instance'],
    '{instance}',
  );
  return (route) => {
    const { target, balancer } = route;
    const source: InstanceSource =
      target.kind === 'hosts'
        ? createFixedSource(target.hosts)
        : services.of(target.service, target.namespace);
    return createPool(route, {
      source,
      instances,
      probes,
      timers,
      random,
      registered: balancers,
      sticky: balancer.type === 'CookieStickySessions' ? stickyFor(balancer.cookie) : undefined,
      onEjected: ({ id, instance }) => {
        ejections.inc({ server_instance: instance.address });
        const { consecutiveFailures } = instance;
        logger.warn({ route: route.name, instance: id, consecutiveFailures }, 'the instance is left out');
      },
    });
  };
}

function routeIds(routes: readonly RouteConfig[]): ReadonlySet<string> {
  return new Set(
    routes.flatMap((route) => [
      routeIdOf(route),
      ...(route.strangler === undefined ? [] : [newSideId(route)]),
    ]),
  );
}

function cookiesOf({ routes, dynamic }: Pick<GatewayConfig, 'routes' | 'dynamic'>): ReadonlySet<string> {
  const policies = dynamic === undefined ? [] : [dynamic.defaults, ...dynamic.services.values()];
  return new Set(
    [...routes, ...policies].flatMap(({ balancer }) =>
      balancer.type === 'CookieStickySessions' ? [balancer.cookie] : [],
    ),
  );
}

function addressesOf({ candidates }: Pool): readonly string[] {
  return candidates.map(({ instance }) => instance.address);
}

function poolFingerprint(route: RouteConfig, discovery: string): string {
  const { target, scheme, balancer, versions, health, downstreamProtocol, verifyCertificate } = route;
  const { maxConnections, connectionLifetimeMs } = route.handler;
  const how = [scheme, downstreamProtocol, verifyCertificate, String(maxConnections), connectionLifetimeMs];
  const where = target.kind === 'service' ? [target, discovery] : [target];
  return JSON.stringify([where, balancer, versions, health, how, route.timeoutMs]);
}

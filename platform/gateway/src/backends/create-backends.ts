import type { Resolver } from '@flotilla/discovery';
import type { Clock } from '@flotilla/kernel';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { GatewayConfig, RouteConfig } from '../config/model.ts';
import type { Upstreams } from '../http/upstream.ts';
import { newSideId } from '../strangler/new-side.ts';
import type { VersionConfig } from '../strangler/options.ts';
import type { Timers } from '../timers.ts';
import type { BackendPool } from './backends.ts';
import type { CreateBalancer } from './balancers.ts';
import { addBounded } from './bounded-map.ts';
import { type Breaker, createBreaker } from './breaker.ts';
import type { Candidate } from './candidate.ts';
import { createFixedSource, type InstanceSource } from './instance-source.ts';
import { createInstances } from './instances.ts';
import { createPool, type Pool } from './pool.ts';
import { createProbes } from './probes.ts';
import { createRetryBudget, type RetryBudget } from './retry-budget.ts';
import { routeIdOf } from './route-id.ts';
import { createServiceSources } from './service-sources.ts';
import { createStickySessions, type StickySessions } from './sticky.ts';

export interface BackendsOptions {
  readonly config: Pick<GatewayConfig, 'discovery' | 'routes'>;
  /** Finds the instances of routes with `ServiceName` when the configuration names no provider. The caller closes it. */
  readonly resolver?: Resolver;
  /** For active health checks. */
  readonly upstreams: Upstreams;
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
  retain(config: Pick<GatewayConfig, 'discovery' | 'routes'>): void;
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

export interface RouteState {
  readonly route: string;
  readonly breaker: Breaker['state'] | undefined;
  readonly versions: readonly VersionConfig[];
  readonly instances: readonly {
    readonly id: string;
    readonly address: string;
    readonly state: 'usable' | 'unhealthy' | 'ejected' | 'held-out';
    readonly inFlight: number;
    readonly latencyMs: number;
    readonly consecutiveFailures: number;
    readonly zone: string | undefined;
    readonly tags: readonly string[];
  }[];
}

interface Kept<Value> {
  /** Of the options it was made from. */
  readonly fingerprint: string;
  readonly value: Value;
}

/** Of routes that are not in the configuration, as dynamic ones; those of the configuration are all kept. */
const MAX_TRANSIENT = 1_000;
const NONE: ReadonlyMap<string, CreateBalancer> = new Map();

export function createBackends(options: BackendsOptions): Backends {
  const { upstreams, timers, logger, metrics, random = Math.random } = options;
  const instances = createInstances(timers);
  const probes = createProbes({ upstreams, timers, random, logger, onChange: instances.changed });
  const services = createServiceSources({ ...options, discovery: options.config.discovery });
  const sticky = new Map<string, StickySessions>();
  const pools = new Map<string, Kept<Pool>>();
  const breakers = new Map<string, Kept<Breaker>>();
  const budgets = new Map<string, Kept<RetryBudget>>();
  let configured = routeIds(options.config.routes);

  const ejections = metrics.counter('gateway_ejections_total', 'Instances left out for their failures.', [
    'instance',
  ]);
  const opened = metrics.counter('gateway_breaker_opened_total', 'Circuits that opened.', ['route']);

  function keptFor<Value>(
    map: Map<string, Kept<Value>>,
    id: string,
    fingerprint: string,
    make: () => Value,
    forget: (value: Value) => void = () => undefined,
  ): Value {
    const known = map.get(id);
    if (known?.fingerprint === fingerprint) return known.value;
    const value = make();
    if (known !== undefined) forget(known.value);
    addBounded(
      map,
      id,
      { fingerprint, value },
      {
        max: configured.size + MAX_TRANSIENT,
        isKept: (key) => configured.has(key),
        forget: (kept) => forget(kept.value),
      },
    );
    return value;
  }

  function makePool(route: RouteConfig): Pool {
    const { target, balancer } = route;
    const source: InstanceSource =
      target.kind === 'hosts'
        ? createFixedSource(target.hosts)
        : services.of(target.service, target.namespace);
    const pool = createPool(route, {
      source,
      instances,
      probes,
      timers,
      random,
      registered: options.balancers ?? NONE,
      sticky: balancer.type === 'CookieStickySessions' ? stickyFor(balancer.cookie) : undefined,
      onEjected: ({ id, instance }) => {
        ejections.inc({ instance: instance.address });
        const { consecutiveFailures } = instance;
        logger.warn({ route: route.name, instance: id, consecutiveFailures }, 'the instance is left out');
      },
    });
    return pool;
  }

  function stickyFor(cookie: string): StickySessions {
    const known = sticky.get(cookie);
    if (known !== undefined) return known;
    const sessions = createStickySessions();
    sticky.set(cookie, sessions);
    return sessions;
  }

  const poolFor = (route: RouteConfig): Pool => {
    const make = () => makePool(route);
    return keptFor(pools, routeIdOf(route), poolFingerprint(route, services.fingerprint), make, (pool) =>
      pool.close(),
    );
  };

  return {
    poolFor,
    breakerFor: (route) => {
      const { breaker } = route;
      if (breaker === undefined) return undefined;
      const report = (state: Breaker['state']): void => {
        if (state === 'open') opened.inc({ route: route.name });
        logger.warn({ route: route.name, state }, 'the circuit has changed');
      };
      return keptFor(breakers, routeIdOf(route), JSON.stringify(breaker), () =>
        createBreaker(breaker, report),
      );
    },
    retryBudgetFor: (route) => {
      const { budgetPercent } = route.retry;
      return keptFor(budgets, routeIdOf(route), String(budgetPercent), () =>
        createRetryBudget(budgetPercent),
      );
    },
    retain: ({ routes, discovery }) => {
      services.use(discovery);
      configured = routeIds(routes);
      for (const map of [breakers, budgets])
        for (const id of map.keys()) if (!configured.has(id)) map.delete(id);
      for (const [id, { value }] of pools) {
        if (configured.has(id)) continue;
        value.close();
        pools.delete(id);
      }
      instances.retain(new Set([...pools.values()].flatMap(({ value }) => addressesOf(value))));
    },
    states: () => [...pools].map(([id, { value }]) => stateOf(id, value, breakers.get(id)?.value)),
    eject: instances.hold,
    restore: instances.restore,
    setWeights: (routeId, weights) => {
      const pool = pools.get(routeId)?.value;
      if (pool === undefined) return undefined;
      const before = pool.versions;
      const isKnown = (tag: string) => before.some((version) => version.tag === tag);
      if (!Object.keys(weights).every(isKnown)) return undefined;
      pool.setVersions(before.map(({ tag, weight }) => ({ tag, weight: weights[tag] ?? weight })));
      return before;
    },
    close: async () => {
      for (const { value } of pools.values()) value.close();
      probes.close();
      instances.close();
      await services.close();
    },
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

function stateOf(route: string, pool: Pool, breaker: Breaker | undefined): RouteState {
  return {
    route,
    breaker: breaker?.state,
    versions: pool.versions,
    instances: pool.candidates.map((candidate) => {
      const { id, instance, found } = candidate;
      const { address, inFlight, consecutiveFailures } = instance;
      return {
        id,
        address,
        state: pool.isUsable(candidate) ? 'usable' : whyUnusable(candidate),
        inFlight,
        latencyMs: Math.round(instance.latencyMs * 10) / 10,
        consecutiveFailures,
        zone: found.zone,
        tags: found.tags,
      };
    }),
  };
}

function whyUnusable({ instance, probe }: Candidate): 'held-out' | 'unhealthy' | 'ejected' {
  if (instance.isHeldOut) return 'held-out';
  return probe?.isHealthy === false ? 'unhealthy' : 'ejected';
}

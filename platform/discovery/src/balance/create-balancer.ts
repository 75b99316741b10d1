import type { Endpoint, Resolver } from '../endpoint.ts';
import { noEndpoint } from '../errors.ts';
import {
  type Choose,
  leastRequests,
  powerOfTwoChoices,
  roundRobin,
  type Some,
  smoothWeighted,
} from './choose.ts';
import { type Candidate, createPool, type PickedEndpoint, type Pool } from './pool.ts';
import { type SubsetOptions, subsetOf } from './subset.ts';

export interface PickOptions {
  /** Ids of instances not to be picked, for example those that just failed. */
  readonly exclude?: ReadonlySet<string>;
  /** Asked for an instance before it is picked. When it refuses all, any may be picked: somebody may be back. */
  readonly isUsable?: (endpoint: Endpoint) => boolean;
  /** Equal keys go to the same instance. Of the strategy `consistent-hash` only. */
  readonly key?: string;
}

export interface Balancer {
  /** Throws `DISCOVERY_NO_ENDPOINT` (retryable) when no instance is left, and what the resolver throws. */
  pick(service: string, options?: PickOptions): Promise<PickedEndpoint>;
}

export type Strategy = 'power-of-two' | 'round-robin' | 'least-requests' | 'weighted' | 'consistent-hash';

export interface BalancerOptions {
  /** Default `power-of-two`. */
  readonly strategy?: Strategy;
  /** Instances of this zone are preferred as long as at least half of them can be used. */
  readonly zone?: string;
  /** Not all of very many instances are called. Default: all. */
  readonly subset?: SubsetOptions;
  /** How long a new instance gets less than its share of the calls. Default 10,000. */
  readonly slowStartMs?: number;
  /** 0 ≤ random < 1. */
  readonly random?: () => number;
  /** Monotonic. */
  readonly nowMs?: () => number;
}

const SLOW_START_MS = 10_000;
const NO_OPTIONS: PickOptions = {};

/** Chooses among the healthy instances of a service, by default the one of two that should answer sooner. */
export function createBalancer(
  resolver: Resolver,
  options: BalancerOptions = {},
): Balancer & {
  /** Without waiting; `undefined` when discovery has to be asked first. */
  pickKnown(service: string, options?: PickOptions): PickedEndpoint | undefined;
} {
  const { strategy = 'power-of-two', zone, subset, slowStartMs = SLOW_START_MS } = options;
  const { random = Math.random, nowMs = () => performance.now() } = options;
  const choose = createChoose(strategy, random);
  const pools = new Map<string, Pool>();
  const select = (endpoints: readonly Endpoint[]) => (subset ? subsetOf(endpoints, subset) : endpoints);

  function poolOf(service: string): Pool {
    const known = pools.get(service);
    if (known !== undefined) return known;
    const pool = createPool({ nowMs, slowStartMs, select });
    pools.set(service, pool);
    return pool;
  }

  function pickFrom(service: string, endpoints: readonly Endpoint[], how: PickOptions): PickedEndpoint {
    const pool = poolOf(service);
    pool.update(endpoints);
    pool.warm();
    const chosen = chooseFrom(pool, how) ?? fallback(endpoints, how);
    if (chosen === undefined) throw noEndpoint(service);
    return chosen;
  }

  function chooseFrom(pool: Pool, how: PickOptions): PickedEndpoint | undefined {
    const { candidates } = pool;
    if (how.key !== undefined && strategy === 'consistent-hash') return hashed(pool, how.key, how);
    if (zone === undefined && isFilled(candidates)) {
      // Nearly always the first choice can be taken, so that nothing has to be looked through.
      const first = choose(candidates);
      if (isAllowed(first, how)) return first.endpoint;
    }
    const allowed = candidates.filter((candidate) => isAllowed(candidate, how));
    const usable = zone === undefined ? allowed : nearest(allowed, candidates, zone);
    return isFilled(usable) ? choose(usable).endpoint : undefined;
  }

  /** Nobody is usable, or all of the subset are excluded: any that was not tried. */
  function fallback(endpoints: readonly Endpoint[], { exclude }: PickOptions): PickedEndpoint | undefined {
    const open = exclude?.size ? endpoints.filter(({ id }) => !exclude.has(id)) : endpoints;
    return open[Math.floor(random() * open.length)];
  }

  return {
    pick: async (service, how = NO_OPTIONS) =>
      pickFrom(service, resolver.known?.(service) ?? (await resolver.resolve(service)), how),
    pickKnown: (service, how = NO_OPTIONS) => {
      const endpoints = resolver.known?.(service);
      return endpoints && pickFrom(service, endpoints, how);
    },
  };
}

function hashed(pool: Pool, key: string, how: PickOptions): PickedEndpoint | undefined {
  return pool.ring().find(key, (candidate) => isAllowed(candidate, how))?.endpoint;
}

function createChoose(strategy: Strategy, random: () => number): Choose {
  switch (strategy) {
    case 'round-robin':
      return roundRobin(random);
    case 'least-requests':
      return leastRequests();
    case 'weighted':
      return smoothWeighted();
    default:
      return powerOfTwoChoices(random);
  }
}

function isAllowed({ endpoint }: Candidate, { exclude, isUsable }: PickOptions): boolean {
  if (exclude?.has(endpoint.id)) return false;
  return isUsable === undefined || isUsable(endpoint);
}

/** The instances of the zone while it is in order: the half that is left of it must not carry all of its calls. */
function nearest(
  allowed: readonly Candidate[],
  all: readonly Candidate[],
  zone: string,
): readonly Candidate[] {
  const near = allowed.filter(({ endpoint }) => endpoint.zone === zone);
  const there = all.filter(({ endpoint }) => endpoint.zone === zone);
  return near.length > 0 && near.length * 2 >= there.length ? near : allowed;
}

function isFilled<T>(list: readonly T[]): list is Some<T> {
  return list.length > 0;
}

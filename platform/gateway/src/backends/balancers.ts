import type { Exchange } from '../exchange.ts';
import type { BalancerConfig } from '../policies/load-balancing/config.ts';
import type { Backend } from './backends.ts';
import type { Candidate } from './candidate.ts';

type Some = readonly [Candidate, ...Candidate[]];

/** Takes one of at least one. What it remembers between calls is its turn, nothing else. */
export type Choose = (candidates: Some, exchange: Exchange) => Candidate;

/** A load balancer given in code, made once for each route. What it returns must be one of `backends`. */
export type CreateBalancer = () => (
  backends: readonly [Backend, ...Backend[]],
  exchange: Exchange,
) => Backend;

export interface ChooseDeps {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly registered: ReadonlyMap<string, CreateBalancer>;
}

/** Throws `RangeError` for a registered balancer that nobody registered. */
export function createChoose(config: BalancerConfig, { random, registered }: ChooseDeps): Choose {
  switch (config.type) {
    case 'NoLoadBalancer':
      return (candidates) => candidates[0];
    case 'RoundRobin':
    case 'ZoneAware':
    case 'CookieStickySessions':
    case 'StickyCookie':
      return createTurns();
    case 'LeastConnection':
      return leastConnection();
    case 'PowerOfTwoChoices':
      return (candidates) => powerOfTwo(candidates, random);
    case 'Weighted':
      return smoothWeighted;
    case 'Registered':
      return fromCode(config.name, registered);
  }
}

function fromCode(name: string, registered: ChooseDeps['registered']): Choose {
  const create = registered.get(name);
  if (create === undefined) throw new RangeError(`no load balancer ${name} is registered`);
  const choose = create();
  return (candidates, exchange) => {
    const chosen = choose(candidates, exchange);
    return candidates.find((candidate) => candidate === chosen) ?? candidates[0];
  };
}

export function createTurns(): Choose {
  let turn = -1;
  return (candidates) => {
    turn = (turn + 1) % 0x3fffffff;
    return candidates[turn % candidates.length] ?? candidates[0];
  };
}

/** Ties are taken in turn, or else the first instance would get everything while nobody is busy. */
function leastConnection(): Choose {
  let turn = -1;
  return (candidates) => {
    turn = (turn + 1) % 0x3fffffff;
    let best: Candidate = candidates[turn % candidates.length] ?? candidates[0];
    for (let step = 1; step < candidates.length; step += 1) {
      const other = candidates[(turn + step) % candidates.length];
      if (other !== undefined && other.instance.inFlight < best.instance.inFlight) best = other;
    }
    return best;
  };
}

/** Two at random, of which the one that should answer sooner: nobody runs after the one instance that looks best. */
function powerOfTwo(candidates: Some, random: () => number): Candidate {
  const count = candidates.length;
  if (count === 1) return candidates[0];
  const first = Math.floor(random() * count);
  const second = (first + 1 + Math.floor(random() * (count - 1))) % count;
  const one = candidates[first] ?? candidates[0];
  const other = candidates[second] ?? candidates[0];
  return expectedMs(other) < expectedMs(one) ? other : one;
}

function expectedMs({ instance }: Candidate): number {
  return (instance.inFlight + 1) * (instance.latencyMs || 1);
}

/**
 * Smooth weighted round robin: everyone earns its weight, the richest is taken and pays the sum. Weights 5, 1, 1
 * give a a b a c a a, not a a a a a b c.
 */
function smoothWeighted(candidates: Some): Candidate {
  let best = candidates[0];
  let sum = 0;
  for (const candidate of candidates) {
    candidate.share += candidate.found.weight;
    sum += candidate.found.weight;
    if (candidate.share > best.share) best = candidate;
  }
  best.share -= sum;
  return best;
}

/** Instances of the zone, or all when there are none. */
export function nearest(candidates: readonly Candidate[], zone: string): readonly Candidate[] {
  const near = candidates.filter(({ found }) => found.zone === zone);
  return near.length > 0 ? near : candidates;
}

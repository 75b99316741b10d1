import type { Endpoint, Resolver } from '../endpoint.ts';
import { noEndpoint } from '../errors.ts';

export interface PickOptions {
  /** Ids of instances not to be picked, for example those that just failed. */
  readonly exclude?: ReadonlySet<string>;
}

export interface Balancer {
  /** Throws `DISCOVERY_NO_ENDPOINT` (retryable) when no instance is left, and what the resolver throws. */
  pick(service: string, options?: PickOptions): Promise<Endpoint>;
}

/** Takes the healthy instances of a service in turn. */
export function createRoundRobin(resolver: Resolver): Balancer {
  const turns = new Map<string, number>();
  return {
    pick: async (service, { exclude } = {}) => {
      const all = await resolver.resolve(service);
      const candidates = exclude?.size ? all.filter((endpoint) => !exclude.has(endpoint.id)) : all;
      const turn = turns.get(service) ?? 0;
      const endpoint = candidates[turn % candidates.length];
      if (endpoint === undefined) throw noEndpoint(service);
      turns.set(service, (turn + 1) % 0x7fffffff);
      return endpoint;
    },
  };
}

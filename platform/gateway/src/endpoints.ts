import type { Endpoint, Resolver } from '@flotilla/discovery';
import { isPlatformError } from '@flotilla/kernel';
import type { RouteConfig } from './config/gateway-config.ts';

/** Chooses the back end instance for one try of a request. */
export interface Endpoints {
  /**
   * `refused` are instances that did not accept a connection and are not tried; `avoid` are tried only if
   * nothing else is left. `undefined` = there is none.
   */
  pick(refused: ReadonlySet<string>, avoid: ReadonlySet<string>): Promise<Endpoint | undefined>;
}

export function createEndpoints({ target, balancer }: RouteConfig, resolver: Resolver): Endpoints {
  const all = target.kind === 'hosts' ? fixed(target.hosts) : () => discovered(resolver, target.service);
  let turn = 0;
  return {
    pick: async (refused, avoid) => {
      const instances = await all();
      const usable = refused.size === 0 ? instances : instances.filter(({ id }) => !refused.has(id));
      const preferred = avoid.size === 0 ? usable : usable.filter(({ id }) => !avoid.has(id));
      const candidates = preferred.length > 0 ? preferred : usable;
      if (balancer === 'NoLoadBalancer') return candidates[0];
      turn = (turn + 1) % 0x7fffffff;
      return candidates[(turn - 1) % candidates.length];
    },
  };
}

function fixed(hosts: readonly { readonly host: string; readonly port: number }[]) {
  const endpoints = hosts.map(
    ({ host, port }): Endpoint => ({ id: `${host}:${port}`, service: '', host, port }),
  );
  return async () => endpoints;
}

/** A registry that never answered is no reason for another status than a service without instances. */
async function discovered(resolver: Resolver, service: string): Promise<readonly Endpoint[]> {
  try {
    return await resolver.resolve(service);
  } catch (error) {
    if (isPlatformError(error) && error.code === 'DISCOVERY_UNAVAILABLE') return [];
    throw error;
  }
}

import type { VersionConfig } from '../policies/versions/config.ts';
import type { Breaker } from './breaker.ts';
import type { Candidate } from './candidate.ts';
import type { Pool } from './pool.ts';

/** What the admin API shows of the back ends of one route. */
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

export function stateOf(route: string, pool: Pool, breaker: Breaker | undefined): RouteState {
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

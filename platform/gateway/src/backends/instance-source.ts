import type { Endpoint, Resolver } from '@flotilla/discovery';
import { isPlatformError, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { HostAndPort } from '../policies/target/config.ts';
import { isCallable } from '../wire/rules/callable-address.ts';
import type { Found } from './candidate.ts';
import { createReader } from './found-reader.ts';
import { createLastKnown } from './last-known.ts';

/** Where the instances of a route come from. */
export interface InstanceSource {
  /** When there are no instances: may there be some soon? Not of a service that the registry does not know. */
  readonly isHopeful: boolean;
  /** What is known now, the same array as long as it says the same. `undefined` = ask with `load`. */
  current(): readonly Found[] | undefined;
  /** Never rejects: nothing known is an empty list. */
  load(): Promise<readonly Found[]>;
}

export function createFixedSource(hosts: readonly HostAndPort[]): InstanceSource {
  const found = hosts.map(({ host, port, weight, zone }): Found => {
    return { id: `${host}:${port}`, host, port, weight, zone, tags: [] };
  });
  return { isHopeful: found.length > 0, current: () => found, load: async () => found };
}

/** From then on the response is renewed beside the requests; they wait for it only when it is older than `STALE_MS`. */
const FRESH_MS = 50;
const STALE_MS = 250;

interface ResolverSourceDeps {
  readonly resolver: Resolver;
  readonly logger: Logger;
  readonly nowMs: () => number;
}

/**
 * Instances from a resolver that follows the registry by itself. Its answers are kept for a moment so that a
 * busy route does not wait for a promise with each request.
 */
export function createResolverSource(
  service: string,
  { resolver, logger, nowMs }: ResolverSourceDeps,
): InstanceSource {
  let endpoints: readonly Endpoint[] | undefined;
  const read = createReader();
  let found: readonly Found[] = [];
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let asking: Promise<readonly Found[]> | undefined;
  const lastKnown = createLastKnown(nowMs);

  async function ask(): Promise<readonly Found[]> {
    try {
      const answer = await resolver.resolve(service);
      if (answer !== endpoints) {
        endpoints = answer;
        found = read(answer.filter(({ host }) => isCallable(host)));
      }
      lastKnown.answered(found.length);
    } catch (error) {
      // The last good response stays. A registry that was never heard is no other fault than no instances.
      const isExpected = isPlatformError(error) && error.code === 'DISCOVERY_UNAVAILABLE';
      if (!isExpected) logger.error({ service, err: toError(error) }, 'the resolver failed');
    }
    askedAtMs = nowMs();
    asking = undefined;
    return found;
  }

  const load = (): Promise<readonly Found[]> => {
    asking ??= ask();
    return asking;
  };
  return {
    get isHopeful() {
      return lastKnown.isAlive;
    },
    current: () => {
      const ageMs = nowMs() - askedAtMs;
      if (ageMs > STALE_MS) return undefined;
      if (ageMs > FRESH_MS) void load();
      return found;
    },
    load,
  };
}

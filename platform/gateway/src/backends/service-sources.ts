import {
  type ConsulWatches,
  createConsulWatches,
  type Resolver,
  type ServiceWatch,
} from '@flotilla/discovery';
import type { Clock } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { DiscoveryConfig } from '../model.ts';
import type { Timers } from '../time/timers.ts';
import { isCallable } from '../wire/rules/callable-address.ts';
import { createFixedSource, createResolverSource, type InstanceSource } from './instance-source.ts';
import { createWatchedSource } from './watched-source.ts';

export interface ServiceSources {
  of(service: string, namespace: string | undefined): InstanceSource;
  /** Another provider: sources that are asked for from now on use it. */
  use(discovery: DiscoveryConfig | undefined): void;
  /** Changes with the provider. */
  readonly fingerprint: string;
  close(): Promise<void>;
}

interface ServiceSourcesDeps {
  readonly discovery: DiscoveryConfig | undefined;
  readonly resolver?: Resolver;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Known {
  readonly source: InstanceSource;
  readonly watch: ServiceWatch | undefined;
}

const MAX_SOURCES = 1_000;

/** One source for each service, whichever route asks. Names that clients make up are forgotten again above 1,000. */
export function createServiceSources(deps: ServiceSourcesDeps): ServiceSources {
  const { resolver, timers, clock, logger } = deps;
  const sources = new Map<string, Known>();
  const ending = new Set<Promise<void>>();
  let watches = watchesOf(deps.discovery);
  let fingerprint = JSON.stringify(deps.discovery ?? null);

  function watchesOf(discovery: DiscoveryConfig | undefined): ConsulWatches | undefined {
    if (discovery === undefined) return undefined;
    const { type, url, token, namespace, pollingIntervalMs, usesNodeName } = discovery;
    return createConsulWatches({
      ...{ url, usesNodeName, isCallable, clock, logger },
      ...(token !== undefined && { token }),
      ...(namespace !== undefined && { namespace }),
      ...(type === 'PollConsul' && { pollMs: pollingIntervalMs }),
    });
  }

  function create(service: string, namespace: string | undefined): Known {
    if (watches !== undefined) {
      const watch = watches.watch(service, { isPermanent: false, namespace });
      return { source: createWatchedSource(watch), watch };
    }
    if (resolver === undefined) return { source: createFixedSource([]), watch: undefined };
    const nowMs = () => timers.nowMs;
    return { source: createResolverSource(service, { resolver, logger, nowMs }), watch: undefined };
  }

  /** Services that exist are followed and kept: a registry has only so many. Names that nobody knows go first. */
  function forgetOldest(latest: string): void {
    const idle = [...sources].filter(([key, { watch }]) => key !== latest && watch?.isFollowing !== true);
    const oldest = idle.find(([, { source }]) => !source.isHopeful) ?? idle[0];
    if (oldest === undefined) return;
    const [key, { watch }] = oldest;
    sources.delete(key);
    if (watch !== undefined) watches?.forget(watch);
  }

  function end(former: ConsulWatches | undefined): void {
    const ended = former?.close();
    if (ended === undefined) return;
    ending.add(ended);
    void ended.finally(() => ending.delete(ended));
  }

  return {
    of: (service, namespace) => {
      const key = JSON.stringify([service, namespace]);
      const known = sources.get(key);
      if (known !== undefined) return known.source;
      const created = create(service, namespace);
      sources.set(key, created);
      if (sources.size > MAX_SOURCES) forgetOldest(key);
      return created.source;
    },
    use: (next) => {
      const changed = JSON.stringify(next ?? null);
      if (changed === fingerprint) return;
      fingerprint = changed;
      end(watches);
      watches = watchesOf(next);
      sources.clear();
    },
    get fingerprint() {
      return fingerprint;
    },
    close: async () => {
      end(watches);
      sources.clear();
      await Promise.all(ending);
    },
  };
}

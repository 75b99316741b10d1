import type { Resolver } from '@flotilla/discovery';
import type { Clock } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { DiscoveryConfig } from '../model.ts';
import type { Timers } from '../time/timers.ts';
import { type ConsulSource, createConsulSource } from './consul-source.ts';
import { createFixedSource, createResolverSource, type InstanceSource } from './instance-source.ts';

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

const MAX_SOURCES = 1_000;

/** One source for each service, whichever route asks. Names that clients make up are forgotten again above 1,000. */
export function createServiceSources(deps: ServiceSourcesDeps): ServiceSources {
  const { resolver, timers, clock, logger } = deps;
  const sources = new Map<string, InstanceSource & Partial<ConsulSource>>();
  const closing = new AbortController();
  let { discovery } = deps;
  let fingerprint = JSON.stringify(discovery ?? null);

  function create(service: string, namespace: string | undefined): InstanceSource {
    if (discovery !== undefined)
      return createConsulSource({ service, namespace, discovery, clock, logger, closing: closing.signal });
    if (resolver === undefined) return createFixedSource([]);
    return createResolverSource(service, { resolver, logger, nowMs: () => timers.nowMs });
  }

  /** Services that exist are followed and kept: a registry has only so many. Names that nobody knows go first. */
  function forgetOldest(latest: string): void {
    const idle = [...sources].filter(([key, source]) => key !== latest && source.isFollowing !== true);
    const oldest = idle.find(([, source]) => !source.isHopeful) ?? idle[0];
    if (oldest !== undefined) sources.delete(oldest[0]);
  }

  return {
    of: (service, namespace) => {
      const key = JSON.stringify([service, namespace]);
      const known = sources.get(key);
      if (known !== undefined) return known;
      const source = create(service, namespace);
      sources.set(key, source);
      if (sources.size > MAX_SOURCES) forgetOldest(key);
      return source;
    },
    use: (next) => {
      const changed = JSON.stringify(next ?? null);
      if (changed === fingerprint) return;
      discovery = next;
      fingerprint = changed;
      for (const source of sources.values()) source.stop?.();
      sources.clear();
    },
    get fingerprint() {
      return fingerprint;
    },
    close: async () => {
      closing.abort();
      await Promise.all([...sources.values()].map((source) => source.ended?.()));
      sources.clear();
    },
  };
}

import { type Clock, systemClock } from '@flotilla/kernel';
import { type Logger, type Metrics, silentLogger } from '@flotilla/telemetry';
import type { Resolver } from '../endpoint.ts';
import { registryUnavailable } from '../errors.ts';
import { type ConsulClientOptions, createConsulClient } from './consul-client.ts';
import { type ServiceWatch, watchService } from './watch-service.ts';

export interface ConsulResolverOptions extends ConsulClientOptions {
  readonly logger?: Logger;
  /** What is known of each service, and how old it is. */
  readonly metrics?: Metrics;
  readonly clock?: Clock;
  /** 0 ≤ random < 1, for jitter. */
  readonly random?: () => number;
  /** How long the first question about a service waits for the registry. Default 2,000. */
  readonly firstAnswerTimeoutMs?: number;
  /** Length of one blocking query. Default 30. */
  readonly waitSeconds?: number;
  /** Asks so often instead of waiting for changes. */
  readonly pollMs?: number;
  /** Of all services that are asked for. Consul Enterprise has namespaces; others refuse the question. */
  readonly namespace?: string;
  /** An instance is found under the name of its node, as Ocelot has it, not under its own address. Default `false`. */
  readonly usesNodeName?: boolean;
  /** Hosts that are never called. Default: all may be. */
  readonly isCallable?: (host: string) => boolean;
}

/**
 * Follows each service that was asked for with one blocking query, so that a change is known at once and
 * resolving costs nothing. While the registry is away the last good answer stays.
 */
export function createConsulResolver(options: ConsulResolverOptions): Resolver {
  const { watch, watches, close } = createConsulWatches(options);
  if (options.metrics !== undefined) exposeKnowledge(options.metrics, watches);

  function watched(service: string): ServiceWatch {
    return watch(service, { isPermanent: true });
  }

  return {
    resolve: async (service) => {
      const known = watched(service);
      const endpoints = known.current() ?? (await known.load());
      if (!known.isHeard) throw registryUnavailable(service, known.lastFailure);
      return endpoints;
    },
    known: (service) => watched(service).current(),
    close,
  };
}

function exposeKnowledge(metrics: Metrics, watches: ConsulWatches['watches']): void {
  const age = metrics.gauge(
    'discovery_age_seconds',
    'Since the registry last told where the instances of a service are.',
    ['service'],
    's',
  );
  const size = metrics.gauge(
    'discovery_instances',
    'Known instances of a service.',
    ['service'],
    '{instance}',
  );
  metrics.beforeRender(() => {
    for (const [service, { ageMs, current }] of watches()) {
      if (ageMs === undefined) continue;
      age.set(ageMs / 1_000, { service });
      size.set(current()?.length ?? 0, { service });
    }
  });
}

/** One watch for each service and namespace, over one client. */
export interface ConsulWatches {
  watch(
    service: string,
    how: { readonly isPermanent: boolean; readonly namespace?: string | undefined },
  ): ServiceWatch;
  /** Of the namespace that is meant without a word. */
  watches(): Iterable<readonly [service: string, watch: ServiceWatch]>;
  /** Forgets a watch: it is made anew when it is asked for. */
  forget(watch: ServiceWatch): void;
  close(): Promise<void>;
}

export function createConsulWatches(options: ConsulResolverOptions): ConsulWatches {
  const { logger = silentLogger, clock = systemClock, random = Math.random, waitSeconds = 30 } = options;
  const client = createConsulClient(options);
  const closing = new AbortController();
  const byNamespace = new Map<string, Map<string, ServiceWatch>>();

  function servicesOf(namespace: string): Map<string, ServiceWatch> {
    const known = byNamespace.get(namespace);
    if (known !== undefined) return known;
    const services = new Map<string, ServiceWatch>();
    byNamespace.set(namespace, services);
    return services;
  }

  return {
    watch: (service, { isPermanent, namespace = options.namespace }) => {
      const services = servicesOf(namespace ?? '');
      const known = services.get(service);
      if (known !== undefined) return known;
      const deps = { client, logger, clock, random, waitSeconds, closing: closing.signal };
      const started = watchService({ ...options, ...deps, service, namespace, isPermanent });
      services.set(service, started);
      return started;
    },
    watches: () => servicesOf(options.namespace ?? ''),
    forget: (watch) => {
      watch.stop();
      for (const services of byNamespace.values())
        for (const [service, known] of services) if (known === watch) services.delete(service);
    },
    close: async () => {
      closing.abort();
      const watches = [...byNamespace.values()].flatMap((services) => [...services.values()]);
      await Promise.all(watches.map((one) => one.ended()));
      client.close();
    },
  };
}

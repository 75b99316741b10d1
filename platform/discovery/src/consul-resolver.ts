import { type Clock, systemClock, toError } from '@flotilla/kernel';
import { type Logger, silentLogger } from '@flotilla/telemetry';
import { type ConsulAddress, createConsulClient } from './consul-client.ts';
import { type ServiceWatch, watchService } from './consul-watch.ts';
import type { Resolver } from './endpoint.ts';
import { registryUnavailable } from './errors.ts';

export interface ConsulResolverOptions extends ConsulAddress {
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** How long the first question about a service waits for the registry. Default 2,000. */
  readonly firstAnswerTimeoutMs?: number;
  /** Length of one blocking query. Default 30. */
  readonly waitSeconds?: number;
}

/**
 * Follows each service that was asked for with one blocking query, so that a change is known at once and
 * resolving costs nothing. While the registry is away the last good answer stays.
 */
export function createConsulResolver(options: ConsulResolverOptions): Resolver {
  const {
    logger = silentLogger,
    clock = systemClock,
    firstAnswerTimeoutMs = 2_000,
    waitSeconds = 30,
  } = options;
  const client = createConsulClient(options);
  const watches = new Map<string, ServiceWatch>();

  function watch(service: string): ServiceWatch {
    const known = watches.get(service);
    if (known !== undefined) return known;
    const started = watchService({ service, client, logger, clock, waitSeconds });
    watches.set(service, started);
    return started;
  }

  return {
    resolve: async (service) => {
      const watched = watch(service);
      const known = watched.current();
      if (known !== undefined) return known;
      const deadline = AbortSignal.timeout(firstAnswerTimeoutMs);
      try {
        return await watched.first(deadline);
      } catch (error) {
        throw registryUnavailable(service, watched.lastFailure() ?? toError(error));
      }
    },
    close: async () => {
      await Promise.all([...watches.values()].map((watched) => watched.close()));
      watches.clear();
    },
  };
}

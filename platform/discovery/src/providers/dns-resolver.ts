import { Resolver as DnsResolver } from 'node:dns/promises';
import { type Clock, systemClock, toError } from '@flotilla/kernel';
import { type Logger, silentLogger } from '@flotilla/telemetry';
import { type Endpoint, keepIfSame, type Resolver } from '../endpoint.ts';
import { registryUnavailable } from '../errors.ts';

/** One address of a name, and for how long that is so. */
export interface DnsRecord {
  readonly address: string;
  readonly ttlSeconds: number;
}

/** Where the instances of a service are by their name. */
export interface DnsService {
  /** For example `order.shop.svc.cluster.local`. */
  readonly host: string;
  readonly port: number;
  readonly grpcPort?: number;
}

export interface DnsResolverOptions {
  /** The services that there are, or the place of any; `undefined` = there is no such service. */
  readonly services: Readonly<Record<string, DnsService>> | ((service: string) => DnsService | undefined);
  /** Longest that an answer is believed, whatever its TTL. Default 5,000. */
  readonly maxAgeMs?: number;
  /** How long a question may take. Default 2,000. */
  readonly timeoutMs?: number;
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** Addresses of a host; none is an empty list. Default: A records, else AAAA, of the system's name servers. */
  readonly lookup?: (host: string) => Promise<readonly DnsRecord[]>;
}

interface Known {
  endpoints: readonly Endpoint[];
  isHeard: boolean;
  expiresAtMs: number;
  asking: Promise<void> | undefined;
  lastFailure: Error | undefined;
}

const MAX_AGE_MS = 5_000;
const MIN_AGE_MS = 500;

/**
 * Where there is nothing but names, as a headless service of Kubernetes without any rights: no zones, no weights, and an
 * instance that has ended is called for as long as its name is believed. Answers are renewed beside the calls; while the
 * name server fails the last good one stays.
 */
export function createDnsResolver(options: DnsResolverOptions): Resolver {
  const { services, maxAgeMs = MAX_AGE_MS, timeoutMs = 2_000 } = options;
  const placeOf = typeof services === 'function' ? services : lookUpIn(services);
  const { logger = silentLogger, clock = systemClock } = options;
  const lookup = options.lookup ?? systemLookup(timeoutMs);
  const nowMs = () => clock.now().getTime();
  const known = new Map<string, Known>();

  function stateOf(service: string): Known {
    const state = known.get(service) ?? {
      endpoints: [],
      isHeard: false,
      expiresAtMs: Number.NEGATIVE_INFINITY,
      asking: undefined,
      lastFailure: undefined,
    };
    known.set(service, state);
    return state;
  }

  async function ask(service: string, { host, port, grpcPort }: DnsService, state: Known): Promise<void> {
    try {
      const records = await lookup(host);
      const ttlMs = Math.min(maxAgeMs, ...records.map(({ ttlSeconds }) => ttlSeconds * 1_000));
      const endpoints = [...new Set(records.map(({ address }) => address))].sort().map((address) => ({
        ...{ id: `${service}@${address}:${port}`, service, host: address, port },
        ...(grpcPort !== undefined && { grpcPort }),
      }));
      state.endpoints = keepIfSame(state.endpoints, endpoints);
      state.isHeard = true;
      state.lastFailure = undefined;
      state.expiresAtMs = nowMs() + Math.max(MIN_AGE_MS, ttlMs);
    } catch (error) {
      if (state.lastFailure === undefined)
        logger.warn({ service, err: toError(error) }, 'the name cannot be resolved');
      state.lastFailure = toError(error);
      state.expiresAtMs = nowMs() + MIN_AGE_MS;
    } finally {
      state.asking = undefined;
    }
  }

  /** `undefined` before the first answer. An old one is renewed meanwhile. */
  function current(service: string): readonly Endpoint[] | undefined {
    const place = placeOf(service);
    if (place === undefined) return [];
    const state = stateOf(service);
    if (nowMs() >= state.expiresAtMs) state.asking ??= ask(service, place, state);
    return state.isHeard ? state.endpoints : undefined;
  }

  return {
    known: current,
    resolve: async (service) => {
      const endpoints = current(service);
      if (endpoints !== undefined) return endpoints;
      const state = stateOf(service);
      await state.asking;
      if (!state.isHeard) throw registryUnavailable(service, state.lastFailure);
      return state.endpoints;
    },
    close: async () => {
      await Promise.all([...known.values()].map(({ asking }) => asking));
    },
  };
}

function lookUpIn(services: Readonly<Record<string, DnsService>>) {
  return (service: string) => (Object.hasOwn(services, service) ? services[service] : undefined);
}

/** No such name, or no address of this kind: an answer, not a failure. */
const NOTHING: readonly unknown[] = ['ENOTFOUND', 'ENODATA'];

function systemLookup(timeoutMs: number): (host: string) => Promise<readonly DnsRecord[]> {
  const resolver = new DnsResolver({ timeout: timeoutMs, tries: 1 });
  const ask = async (
    question: () => Promise<readonly { readonly address: string; readonly ttl: number }[]>,
  ) => {
    try {
      return (await question()).map(({ address, ttl }) => ({ address, ttlSeconds: ttl }));
    } catch (error) {
      if (NOTHING.includes((error as NodeJS.ErrnoException).code)) return [];
      throw error;
    }
  };
  return async (host) => {
    const four = await ask(() => resolver.resolve4(host, { ttl: true }));
    return four.length > 0 ? four : await ask(() => resolver.resolve6(host, { ttl: true }));
  };
}

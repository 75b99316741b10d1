import { isIPv6 } from 'node:net';
import type {
  BalancerConfig,
  DownstreamTarget,
  HandlerConfig,
  HealthConfig,
  HostAndPort,
  RetryConfig,
} from '../backends/options.ts';
import { didYouMean } from '../grammar/did-you-mean.ts';
import { type Group, ROUTE_KEYS } from '../grammar/group.ts';
import { listed, type Names } from '../grammar/registered.ts';
import type { ConfigObject, SectionShape } from '../grammar/shape.ts';
import type { VersionConfig } from '../policies/strangler/options.ts';

export const HOST = {
  Host: { type: 'string', required: true, doc: 'Name or address.' },
  Port: { type: 'integer', minimum: 0, maximum: 65_535, default: 0, doc: "0 = the scheme's own port." },
  Weight: { type: 'number', minimum: 0, default: 1, own: true, doc: 'Share of requests for `Weighted`.' },
  Zone: { type: 'string', own: true, doc: 'Where the host is, for `ZoneAware`.' },
} as const satisfies SectionShape;

/** Where requests go: keys of a route, and of `StranglerOptions.New`. */
export const TARGET = {
  DownstreamHostAndPorts: { type: 'objects', shape: HOST, doc: 'Required without `ServiceName`.' },
  DownstreamScheme: {
    type: 'string',
    oneOf: ['http', 'https', 'ws', 'wss'],
    default: 'http',
    doc: '`ws` and `wss` accept WebSockets.',
  },
  ServiceName: { type: 'string', doc: 'The service whose instances discovery finds.' },
  ServiceNamespace: { type: 'string', doc: 'Namespace of the service.' },
} as const satisfies SectionShape;

const SCHEME_PORTS = { http: 80, https: 443 } as const;

export interface TargetRead {
  readonly target: DownstreamTarget;
  readonly scheme: 'http' | 'https';
  readonly webSocket: boolean;
}

export function readTarget(
  object: ConfigObject<typeof TARGET>,
  {
    defaultScheme,
    hasDiscovery,
  }: { readonly defaultScheme: 'http' | 'https'; readonly hasDiscovery: boolean },
): TargetRead {
  const { scheme, webSocket } = readScheme(object.values.DownstreamScheme ?? defaultScheme);
  const service = object.values.ServiceName;
  if (service) {
    if (!hasDiscovery)
      object.error('ServiceName', `${service} needs GlobalConfiguration.ServiceDiscoveryProvider`);
    const namespace = object.values.ServiceNamespace;
    return { target: { kind: 'service', service, namespace }, scheme, webSocket };
  }
  const hosts = (object.values.DownstreamHostAndPorts ?? []).map((entry) =>
    readHost(entry, SCHEME_PORTS[scheme]),
  );
  if (hosts.length === 0)
    object.error(
      'DownstreamHostAndPorts',
      'When not using service discovery DownstreamHostAndPorts must be set and not empty or Ocelot cannot find your service!',
    );
  return { target: { kind: 'hosts', hosts }, scheme, webSocket };
}

export type Scheme = 'http' | 'https' | 'ws' | 'wss';

export function readScheme(scheme: Scheme): Pick<TargetRead, 'scheme' | 'webSocket'> {
  return {
    scheme: scheme === 'https' || scheme === 'wss' ? 'https' : 'http',
    webSocket: scheme === 'ws' || scheme === 'wss',
  };
}

function readHost(entry: ConfigObject<typeof HOST>, schemePort: number): HostAndPort {
  const host = entry.values.Host ?? '';
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (!/^[\w.-]+$/.test(host) && !isIPv6(bare)) entry.error('Host', 'must be a host name or an address');
  return {
    host,
    port: entry.values.Port || schemePort,
    weight: entry.values.Weight ?? 1,
    zone: entry.values.Zone,
  };
}

const BALANCERS = [
  'NoLoadBalancer',
  'RoundRobin',
  'LeastConnection',
  'PowerOfTwoChoices',
  'Weighted',
] as const;
const ALL_BALANCERS = [...BALANCERS, 'CookieStickySessions', 'ZoneAware'] as const;
const DEFAULT_COOKIE = '.AspNetCore.Session';
const DEFAULT_EXPIRY_MS = 1_200_000;

export const BALANCER = {
  Type: {
    type: 'string',
    default: 'NoLoadBalancer',
    doc: `${ALL_BALANCERS.join(', ')}, or one registered in code.`,
  },
  Key: { type: 'string', default: DEFAULT_COOKIE, doc: 'Cookie of `CookieStickySessions`.' },
  Expiry: {
    type: 'integer',
    default: DEFAULT_EXPIRY_MS,
    doc: 'How long after its last use a session is kept, ms; 0 or less = the default.',
  },
  Zone: { type: 'string', own: true, doc: 'The zone of this gateway, for `ZoneAware`.' },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export function readBalancer(
  group: Group<typeof BALANCER> | undefined,
  registered: Names | undefined,
): BalancerConfig {
  const wanted = group?.values.Type || NO_BALANCER.type;
  if (listed(registered).includes(wanted)) return { type: 'Registered', name: wanted };
  const type = ALL_BALANCERS.find((known) => known.toLowerCase() === wanted.toLowerCase());
  if (type === 'CookieStickySessions')
    return {
      type,
      cookie: group?.values.Key || DEFAULT_COOKIE,
      expiryMs: positive(group?.values.Expiry) ?? DEFAULT_EXPIRY_MS,
    };
  if (type === 'ZoneAware') {
    const zone = group?.values.Zone ?? '';
    if (zone === '') group?.error('Zone', 'ZoneAware needs the zone of this gateway');
    return { type, zone };
  }
  if (type === NO_BALANCER.type) return NO_BALANCER;
  if (type !== undefined) return { type };
  if (registered === 'any') return { type: 'Registered', name: wanted };
  const suggestion = didYouMean(wanted, [...ALL_BALANCERS, ...listed(registered)]);
  const hint = suggestion ? `, did you mean ${suggestion}?` : `, there are ${ALL_BALANCERS.join(', ')}`;
  group?.error('Type', `${wanted} is no load balancer${hint}`);
  return NO_BALANCER;
}

const NO_BALANCER = { type: 'NoLoadBalancer' } as const satisfies BalancerConfig;

export const HANDLER = {
  AllowAutoRedirect: { type: 'boolean', default: false, doc: 'Redirects of the back end are followed.' },
  UseCookieContainer: {
    type: 'boolean',
    default: false,
    doc: 'Cookies of the back end are kept and sent with later requests, of all clients.',
  },
  MaxConnectionsPerServer: {
    type: 'integer',
    doc: 'Simultaneous connections to one host; 0 or less = no limit.',
  },
  PooledConnectionLifetimeSeconds: { type: 'integer', default: 120, doc: 'Age of a connection.' },
  UseProxy: { type: 'boolean', default: false, doc: 'Accepted without effect.' },
  UseTracing: { type: 'boolean', default: false, doc: 'Accepted: traces are always written.' },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

const DEFAULT_HANDLER: HandlerConfig = {
  followsRedirects: false,
  usesCookieJar: false,
  maxConnections: Number.POSITIVE_INFINITY,
  connectionLifetimeMs: 120_000,
};

export function readHandler(group: Group<typeof HANDLER> | undefined): HandlerConfig {
  if (group === undefined) return DEFAULT_HANDLER;
  const usesCookieJar = group.values.UseCookieContainer ?? DEFAULT_HANDLER.usesCookieJar;
  if (usesCookieJar) group.warn('UseCookieContainer', 'one cookie jar is shared by all clients of the route');
  const lifetimeSeconds = positive(group.values.PooledConnectionLifetimeSeconds);
  return {
    followsRedirects: group.values.AllowAutoRedirect ?? DEFAULT_HANDLER.followsRedirects,
    usesCookieJar,
    maxConnections: positive(group.values.MaxConnectionsPerServer) ?? DEFAULT_HANDLER.maxConnections,
    connectionLifetimeMs:
      lifetimeSeconds === undefined ? DEFAULT_HANDLER.connectionLifetimeMs : lifetimeSeconds * 1000,
  };
}

/** Files that list every key have 0 where they mean nothing. */
function positive(number: number | undefined): number | undefined {
  return number !== undefined && number > 0 ? number : undefined;
}

const ACTIVE_HEALTH = {
  Path: { type: 'string', required: true, own: true, doc: 'Asked by GET; 2xx and 3xx are healthy.' },
  Interval: { type: 'integer', minimum: 100, default: 10_000, own: true, doc: 'ms' },
  Timeout: { type: 'integer', minimum: 1, default: 2000, own: true, doc: 'ms' },
  HealthyAfter: { type: 'integer', minimum: 1, default: 1, own: true, doc: 'Good answers in a row.' },
  UnhealthyAfter: { type: 'integer', minimum: 1, default: 2, own: true, doc: 'Failures in a row.' },
} as const satisfies SectionShape;

const PASSIVE_HEALTH = {
  ConsecutiveFailures: {
    type: 'integer',
    minimum: 0,
    default: 5,
    own: true,
    doc: 'Failed requests in a row that eject an instance; 0 = off.',
  },
  EjectionTime: { type: 'integer', minimum: 1, default: 10_000, own: true, doc: 'ms' },
  MaxEjectedPercent: {
    type: 'integer',
    minimum: 0,
    maximum: 100,
    default: 50,
    own: true,
    doc: 'Share of the instances that may be ejected at a time.',
  },
} as const satisfies SectionShape;

export const HEALTH = {
  Active: { type: 'object', shape: ACTIVE_HEALTH, own: true, doc: 'Asks each instance; absent = off.' },
  Passive: { type: 'object', shape: PASSIVE_HEALTH, own: true, doc: 'Learns from requests; on by default.' },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

const DEFAULT_HEALTH = {
  active: undefined,
  passive: { consecutiveFailures: 5, ejectionMs: 10_000, maxEjectedPercent: 50 },
} as const satisfies HealthConfig;

export function readHealth(group: Group<typeof HEALTH> | undefined): HealthConfig {
  if (group === undefined) return DEFAULT_HEALTH;
  const { Active: active, Passive: passive } = group.values;
  const defaults = DEFAULT_HEALTH.passive;
  const path = active?.values.Path ?? '';
  if (active !== undefined && !path.startsWith('/')) active.error('Path', 'must start with a slash');
  const consecutiveFailures = passive?.values.ConsecutiveFailures ?? defaults.consecutiveFailures;
  return {
    active: active && {
      path,
      intervalMs: active.values.Interval ?? 10_000,
      timeoutMs: active.values.Timeout ?? 2000,
      healthyAfter: active.values.HealthyAfter ?? 1,
      unhealthyAfter: active.values.UnhealthyAfter ?? 2,
    },
    passive:
      consecutiveFailures === 0
        ? undefined
        : {
            consecutiveFailures,
            ejectionMs: passive?.values.EjectionTime ?? defaults.ejectionMs,
            maxEjectedPercent: passive?.values.MaxEjectedPercent ?? defaults.maxEjectedPercent,
          },
  };
}

export const RETRY = {
  Retries: { type: 'integer', minimum: 0, maximum: 10, default: 1, own: true, doc: 'Tries after the first.' },
  BudgetPercent: {
    type: 'integer',
    minimum: 0,
    maximum: 100,
    default: 20,
    own: true,
    doc: "Share of the route's requests that may be retries.",
  },
  Statuses: {
    type: 'integers',
    own: true,
    doc: 'Statuses that are tried again on another instance, idempotent methods only.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

const DEFAULT_RETRY: RetryConfig = { retries: 1, budgetPercent: 20, statuses: [] };

export function readRetry(group: Group<typeof RETRY> | undefined): RetryConfig {
  if (group === undefined) return DEFAULT_RETRY;
  const statuses = group.values.Statuses ?? DEFAULT_RETRY.statuses;
  for (const status of statuses)
    if (status < 400 || status > 599) group.error('Statuses', `${status} is not between 400 and 599`);
  return {
    retries: group.values.Retries ?? DEFAULT_RETRY.retries,
    budgetPercent: group.values.BudgetPercent ?? DEFAULT_RETRY.budgetPercent,
    statuses,
  };
}

export const VERSION = {
  Tag: { type: 'string', required: true, own: true, doc: 'Discovery tag of the instances.' },
  Weight: { type: 'number', minimum: 0, default: 1, own: true, doc: 'Share of requests.' },
} as const satisfies SectionShape;

export function readVersions(
  entries: readonly ConfigObject<typeof VERSION>[] | undefined,
): readonly VersionConfig[] {
  return (entries ?? []).map((entry) => {
    const tag = entry.values.Tag ?? '';
    if (tag === '') entry.error('Tag', 'must be given');
    return { tag, weight: entry.values.Weight ?? 1 };
  });
}

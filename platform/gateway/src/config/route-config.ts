import { compileTemplate, placeholdersOf, type Template } from '../template.ts';
import type { DownstreamTarget, HostAndPort, RouteConfig } from './gateway-config.ts';
import { AUTHENTICATION_KEYS, BALANCER_KEYS, CACHE_KEYS, HOST_KEYS, RATE_LIMIT_KEYS } from './keys.ts';
import { optionGroup } from './option-group.ts';
import { readAuthentication, readBalancer, readCache, readRateLimit } from './policies.ts';
import type { Section } from './section.ts';

/** The parts of `GlobalConfiguration` that routes fall back to. */
export interface RouteDefaults {
  readonly authentication: Section | undefined;
  readonly rateLimit: Section | undefined;
  readonly cache: Section | undefined;
  readonly balancer: Section | undefined;
  readonly requestIdKey: string | undefined;
  readonly timeoutSeconds: number | undefined;
  readonly maxBodyBytes: number | undefined;
}

const DEFAULT_TIMEOUT_SECONDS = 90;
const DEFAULT_MAX_BODY_BYTES = 30_000_000;
const SCHEME_PORTS = { http: 80, https: 443 } as const;

export function readRoute(route: Section, defaults: RouteDefaults): RouteConfig {
  const name = readTemplate(route, 'Upstream');
  const upstream = compileTemplate(name, { caseSensitive: route.boolean('RouteIsCaseSensitive') ?? false });
  const downstreamTemplate = readTemplate(route, 'Downstream');
  const scheme = readScheme(route);
  const key = route.string('Key');
  // The older name wins where a route has both.
  const cache = route.section(
    route.has('FileCacheOptions') ? 'FileCacheOptions' : 'CacheOptions',
    CACHE_KEYS,
  );
  const authentication = route.section('AuthenticationOptions', AUTHENTICATION_KEYS);
  const rateLimitOptions = route.section('RateLimitOptions', RATE_LIMIT_KEYS);
  const balancer = route.section('LoadBalancerOptions', BALANCER_KEYS);
  const rateLimit = readRateLimit(optionGroup(rateLimitOptions, defaults.rateLimit, key), name);
  const authenticated = readAuthentication(optionGroup(authentication, defaults.authentication, key));
  if (rateLimit?.keyedBy === 'subject' && authenticated === undefined)
    route.error('RateLimitOptions', 'ClientIdClaim needs an authenticated route');
  return {
    name,
    upstream,
    methods: (route.strings('UpstreamHttpMethod') ?? []).map((method) => method.toUpperCase()),
    upstreamHost: route.string('UpstreamHost')?.toLowerCase(),
    priority: upstream.matchesEverything ? 0 : (route.integer('Priority') ?? 1),
    downstreamTemplate,
    scheme,
    target: readTarget(route, scheme),
    balancer: readBalancer(optionGroup(balancer, defaults.balancer, key)),
    authentication: authenticated,
    rateLimit,
    cache: readCache(optionGroup(cache, defaults.cache, key)),
    requestIdKey: (route.string('RequestIdKey') ?? defaults.requestIdKey)?.toLowerCase(),
    timeoutMs: readTimeoutSeconds(route, defaults) * 1000,
    maxBodyBytes: readMaxBody(route, defaults),
  };
}

function readTemplate(route: Section, side: 'Upstream' | 'Downstream'): Template['source'] {
  const key = `${side}PathTemplate`;
  const template = route.string(key) ?? '';
  const what = `${side} Path Template`;
  const problem = (message: string) => route.error(key, message);
  if (template === '') problem(`${what} cannot be empty`);
  else if (template.includes('://')) problem(`${what} ${template} contains scheme`);
  else if (!template.startsWith('/')) problem(`${what} ${template} doesnt start with forward slash`);
  if (template.includes('//') && !template.includes('://'))
    problem(`${what} ${template} contains double forward slash`);
  if (template.includes('?'))
    problem('a query in a template is not supported by this version of the gateway');
  const names = placeholdersOf(template);
  if (new Set(names).size < names.length)
    problem(`${side}PathTemplate '${template}' has duplicated placeholder`);
  return template;
}

function readScheme(route: Section): 'http' | 'https' {
  const scheme = route.string('DownstreamScheme')?.toLowerCase() ?? 'http';
  if (scheme === 'http' || scheme === 'https') return scheme;
  route.error('DownstreamScheme', `${scheme} is not supported, there are http and https`);
  return 'http';
}

function readTarget(route: Section, scheme: 'http' | 'https'): DownstreamTarget {
  const service = route.string('ServiceName');
  if (service) return { kind: 'service', service };
  const hosts = route
    .sections('DownstreamHostAndPorts', HOST_KEYS)
    .map((entry) => readHost(entry, SCHEME_PORTS[scheme]));
  if (hosts.length === 0)
    route.error(
      'DownstreamHostAndPorts',
      'When not using service discovery DownstreamHostAndPorts must be set and not empty or Ocelot cannot find your service!',
    );
  return { kind: 'hosts', hosts };
}

function readHost(entry: Section, defaultPort: number): HostAndPort {
  const host = entry.string('Host') ?? '';
  if (!/^([\w.-]+|\[[0-9a-fA-F:.]+\])$/.test(host)) entry.error('Host', 'must be a host name or an address');
  const port = entry.integer('Port') || defaultPort;
  if (port < 1 || port > 65_535) entry.error('Port', 'must be 0 to 65535');
  return { host, port };
}

function readTimeoutSeconds(route: Section, { timeoutSeconds }: RouteDefaults): number {
  const positive = [route.integer('Timeout'), timeoutSeconds].find((seconds) => (seconds ?? 0) > 0);
  return positive ?? DEFAULT_TIMEOUT_SECONDS;
}

function readMaxBody(route: Section, { maxBodyBytes }: RouteDefaults): number {
  const bytes = route.integer('MaxRequestBodySize') ?? maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  if (bytes < 0) route.error('MaxRequestBodySize', 'must not be negative');
  return bytes === 0 ? Number.POSITIVE_INFINITY : bytes;
}

import {
  BALANCER,
  HANDLER,
  HEALTH,
  RETRY,
  readBalancer,
  readHandler,
  readHealth,
  readRetry,
} from '../config/backend.ts';
import { didYouMean } from '../grammar/did-you-mean.ts';
import { joinGroup } from '../grammar/group.ts';
import { hasName, listed, type Names, type Registered } from '../grammar/registered.ts';
import type { ConfigObject, SectionShape } from '../grammar/shape.ts';
import type { PolicyConfig } from '../model.ts';
import { AUTHENTICATION, readAuthentication } from './authentication/config.ts';
import { CACHE, readCache } from './cache/config.ts';
import { QUALITY, readBreaker, readTimeout } from './circuit-breaker/config.ts';
import { HEADER_TRANSFORMS, readTransforms } from './header-transforms/config.ts';
import { CORS, IP_RULES, readCors, readIpRules, readWebSocket, WEB_SOCKET } from './ip-rules/config.ts';
import { RATE_LIMIT, readRateLimit } from './rate-limit/config.ts';
import type { OverloadConfig } from './rate-limit/options.ts';

/** Option groups of routes, dynamic routes and `GlobalConfiguration`, joined field by field. */
export const GROUPS = {
  AuthenticationOptions: { type: 'object', shape: AUTHENTICATION, doc: 'Who may come in.' },
  CacheOptions: {
    type: 'object',
    also: ['FileCacheOptions'],
    shape: CACHE,
    doc: 'Cache of answers; absent = off.',
  },
  HttpHandlerOptions: { type: 'object', shape: HANDLER, doc: 'Connections to the back ends.' },
  LoadBalancerOptions: { type: 'object', shape: BALANCER, doc: 'Which instance gets a request.' },
  QoSOptions: { type: 'object', shape: QUALITY, doc: 'Circuit breaker and timeout; absent = off.' },
  CorsOptions: {
    type: 'object',
    shape: CORS,
    own: true,
    doc: 'Answers preflights and marks answers; absent = off.',
  },
  HealthCheckOptions: { type: 'object', shape: HEALTH, own: true, doc: 'Which instances are usable.' },
  RetryOptions: { type: 'object', shape: RETRY, own: true, doc: 'Tries on other instances.' },
  WebSocketOptions: {
    type: 'object',
    shape: WEB_SOCKET,
    own: true,
    doc: 'Who may open WebSockets, and how long they may be silent.',
  },
} as const satisfies SectionShape;

/** Plain keys that all three have. */
export const COMMON = {
  Timeout: { type: 'integer', default: 90, doc: 'Until the answer begins, s; 0 or less = as if absent.' },
  Metadata: {
    type: 'map',
    of: 'string',
    doc: 'Texts for handlers in code; the route wins over the global ones.',
  },
  DownstreamHttpVersion: {
    type: 'string',
    default: '1.1',
    doc: 'HTTP version towards the back end: 1.1 or 2.0.',
  },
  DownstreamHttpVersionPolicy: {
    type: 'string',
    oneOf: ['RequestVersionOrLower', 'RequestVersionExact', 'RequestVersionOrHigher'],
    default: 'RequestVersionOrLower',
    doc: '`OrLower`: HTTP/2 where TLS agrees on it, else 1.1, in the clear always; the others: nothing but HTTP/2, in the clear, too.',
  },
  RequestIdKey: { type: 'string', doc: 'Header with the request id: taken from the client, else made.' },
  MaxRequestBodySize: {
    type: 'integer',
    minimum: 0,
    default: 30_000_000,
    own: true,
    doc: 'Larger bodies are refused with 413, bytes; 0 = no limit.',
  },
  SecurityOptions: { type: 'object', shape: IP_RULES, doc: 'Which addresses may come in.' },
  DangerousAcceptAnyServerCertificateValidator: {
    type: 'boolean',
    default: false,
    doc: 'No TLS verification of the back ends.',
  },
  DelegatingHandlers: { type: 'strings', doc: 'Handlers registered in code.' },
  LoadPriority: {
    type: 'string',
    oneOf: ['Critical', 'Normal', 'Low'],
    default: 'Normal',
    own: true,
    doc: 'Under overload the lowest is refused first.',
  },
  ...HEADER_TRANSFORMS,
} as const satisfies SectionShape;

export const OVERLOAD = {
  MaxRequestsInFlight: { type: 'integer', minimum: 1, own: true, doc: 'Absent = no limit.' },
  MaxLoopDelay: {
    type: 'integer',
    minimum: 1,
    own: true,
    doc: 'Delay of the event loop from which on requests are refused, ms; absent = off.',
  },
} as const satisfies SectionShape;

export function readOverload(object: ConfigObject<typeof OVERLOAD> | undefined): OverloadConfig {
  return {
    maxInFlight: object?.values.MaxRequestsInFlight ?? Number.POSITIVE_INFINITY,
    maxLoopDelayMs: object?.values.MaxLoopDelay ?? Number.POSITIVE_INFINITY,
  };
}

export type PolicyObject = ConfigObject<typeof GROUPS & typeof COMMON & typeof RATE_LIMIT_GROUP>;

/** Dynamic routes have an older name for it. */
export const RATE_LIMIT_GROUP = {
  RateLimitOptions: {
    type: 'object',
    shape: RATE_LIMIT,
    doc: 'Requests of one client in a period; absent = off.',
  },
} as const satisfies SectionShape;

/** The route whose policies are read. */
export interface PolicyOwner {
  /** For messages. */
  readonly name: string;
  readonly key: string | undefined;
  readonly methods: readonly string[];
  readonly scheme: 'http' | 'https';
  /** Static routes do not take the global HTTP version, dynamic ones do. */
  readonly inheritsVersion: boolean;
}

export interface PolicyContext {
  readonly global: PolicyObject | undefined;
  readonly strict: boolean;
  readonly providers: Names;
  readonly registered: Registered;
}

type SharedPolicies = Omit<PolicyConfig, 'claims' | 'versions' | 'strangler'>;

/** Everything that static and dynamic routes share. */
export function readPolicies(
  own: PolicyObject | undefined,
  owner: PolicyOwner,
  { global, strict, providers, registered }: PolicyContext,
): SharedPolicies {
  const { name, key, methods } = owner;
  const quality = joinGroup(own?.values.QoSOptions, global?.values.QoSOptions, key);
  const authentication = readAuthentication(
    joinGroup(own?.values.AuthenticationOptions, global?.values.AuthenticationOptions, key),
    providers,
  );
  const rateGroup = joinGroup(own?.values.RateLimitOptions, global?.values.RateLimitOptions, key);
  const rateLimit = readRateLimit(rateGroup, name);
  if (rateLimit?.key.kind === 'claim' && authentication === undefined)
    rateGroup?.error('KeyBy', `a claim needs an authenticated route, ${name} is not`);
  const first = <Value>(read: (object: PolicyObject) => Value | undefined): Value | undefined =>
    (own && read(own)) ?? (global && read(global));
  const verifyCertificate = first((one) => one.values.DangerousAcceptAnyServerCertificateValidator) !== true;
  if (!verifyCertificate)
    (own ?? global)?.warn(
      'DangerousAcceptAnyServerCertificateValidator',
      'certificates of the back ends are not verified',
    );
  const bodyBytes = first((one) => one.values.MaxRequestBodySize) ?? 30_000_000;
  return {
    ipRules: readIpRules(own?.values.SecurityOptions, global?.values.SecurityOptions),
    cors: readCors(joinGroup(own?.values.CorsOptions, global?.values.CorsOptions, key), methods),
    transforms: readTransforms(own, global, strict),
    rateLimit,
    loadPriority: LOAD_PRIORITIES[first((one) => one.values.LoadPriority) ?? 'Normal'],
    requestIdKey: first((one) => one.values.RequestIdKey || undefined),
    authentication,
    balancer: readBalancer(
      joinGroup(own?.values.LoadBalancerOptions, global?.values.LoadBalancerOptions, key),
      registered.balancers,
    ),
    health: readHealth(joinGroup(own?.values.HealthCheckOptions, global?.values.HealthCheckOptions, key)),
    retry: readRetry(joinGroup(own?.values.RetryOptions, global?.values.RetryOptions, key)),
    cache: readCache(joinGroup(own?.values.CacheOptions, global?.values.CacheOptions, key)),
    breaker: readBreaker(quality, name),
    ...readTimeout(quality, [own?.values.Timeout, global?.values.Timeout]),
    downstreamProtocol: readProtocol(own, owner, global),
    verifyCertificate,
    handler: readHandler(joinGroup(own?.values.HttpHandlerOptions, global?.values.HttpHandlerOptions, key)),
    delegatingHandlers: readHandlers(own?.has('DelegatingHandlers') ? own : global, registered.handlers),
    maxBodyBytes: bodyBytes === 0 ? Number.POSITIVE_INFINITY : bodyBytes,
    ...readWebSocket(joinGroup(own?.values.WebSocketOptions, global?.values.WebSocketOptions, key)),
    metadata: joinMaps(global?.values.Metadata, own?.values.Metadata),
  };
}

const NONE: ReadonlyMap<string, string> = new Map<string, string>();

function joinMaps(
  global: ReadonlyMap<string, string> | undefined,
  own: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> {
  if (global === undefined || own === undefined) return global ?? own ?? NONE;
  return new Map([...global, ...own]);
}

const LOAD_PRIORITIES = { Critical: 'critical', Normal: 'normal', Low: 'low' } as const;

function readProtocol(
  own: PolicyObject | undefined,
  { scheme, inheritsVersion }: PolicyOwner,
  global: PolicyObject | undefined,
): PolicyConfig['downstreamProtocol'] {
  const inherited = inheritsVersion ? global?.values : undefined;
  const version = own?.values.DownstreamHttpVersion || inherited?.DownstreamHttpVersion || '1.1';
  if (!/^[0-9](?:[.,][0-9])?$/.test(version))
    (own ?? global)?.error('DownstreamHttpVersion', `${version} is no version such as 1.1 or 2.0`);
  if (!version.startsWith('2')) return '1.1';
  const policy = own?.values.DownstreamHttpVersionPolicy ?? inherited?.DownstreamHttpVersionPolicy;
  if ((policy ?? 'RequestVersionOrLower') !== 'RequestVersionOrLower') return '2';
  // Without TLS nothing is negotiated: "or lower" then means lower.
  return scheme === 'https' ? '2-or-lower' : '1.1';
}

function readHandlers(object: PolicyObject | undefined, registered: Names | undefined): readonly string[] {
  const names = object?.values.DelegatingHandlers ?? [];
  for (const name of names.filter((one) => !hasName(registered, one))) {
    const suggestion = didYouMean(name, listed(registered));
    object?.error(
      'DelegatingHandlers',
      `${name} is not registered in code${suggestion ? `, did you mean ${suggestion}?` : ''}`,
    );
  }
  return names;
}

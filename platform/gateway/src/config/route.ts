import type { AggregateConfig } from '../aggregates/options.ts';
import { joinGroup } from '../grammar/group.ts';
import { hasName } from '../grammar/registered.ts';
import type { ConfigObject, SectionShape } from '../grammar/shape.ts';
import type { DynamicConfig, DynamicPolicy, RouteConfig } from '../model.ts';
import { CLAIMS, readClaims } from '../policies/header-transforms/config.ts';
import { COMMON, GROUPS, type PolicyContext, RATE_LIMIT_GROUP, readPolicies } from '../policies/policies.ts';
import { RATE_LIMIT } from '../policies/rate-limit/config.ts';
import { readStrangler, STRANGLER } from '../policies/strangler/config.ts';
import { MATCH, readMatch } from '../routing/match.ts';
import { checkTemplate } from '../templates/check-template.ts';
import { readScheme, readTarget, readVersions, type Scheme, TARGET, VERSION } from './backend.ts';
import { parseJsonPath } from './json-path.ts';

export const ROUTE = {
  ...MATCH,
  DownstreamPathTemplate: {
    type: 'string',
    required: true,
    doc: 'Path (and query) for the back end; `{name}` is the value of a placeholder.',
  },
  DownstreamHttpMethod: { type: 'string', doc: 'Replaces the method; absent = as it came.' },
  ...TARGET,
  Key: { type: 'string', doc: 'Name for aggregates and for `RouteKeys` of global options.' },
  SwaggerKey: { type: 'string', own: true, doc: 'Which entry of `SwaggerEndPoints` describes the back end.' },
  Versions: {
    type: 'objects',
    shape: VERSION,
    own: true,
    doc: 'Versions of the service by tag, with weights.',
  },
  StranglerOptions: { type: 'object', shape: STRANGLER, own: true, doc: 'An old and a new implementation.' },
  ...COMMON,
  ...GROUPS,
  ...RATE_LIMIT_GROUP,
  ...CLAIMS,
} as const satisfies SectionShape;

export type RouteObject = ConfigObject<typeof ROUTE>;

export interface ReadContext extends PolicyContext {
  readonly hasDiscovery: boolean;
  readonly globalStrangler: ConfigObject<typeof STRANGLER> | undefined;
}

export function readRoute(route: RouteObject, context: ReadContext): RouteConfig {
  const { values } = route;
  const match = readMatch(route, { strict: context.strict, defaultMethods: [] });
  const downstreamTemplate = values.DownstreamPathTemplate ?? '';
  for (const problem of checkTemplate('Downstream', downstreamTemplate))
    route.error('DownstreamPathTemplate', problem);
  const backend = { defaultScheme: 'http', hasDiscovery: context.hasDiscovery } as const;
  const { target, scheme, webSocket } = readTarget(route, backend);
  const key = values.Key;
  const versions = readVersions(values.Versions);
  if (versions.length > 0 && target.kind === 'hosts')
    route.error('Versions', 'needs ServiceName: versions are told apart by tags of discovery');
  const { name, methods } = match;
  return {
    ...readPolicies(route, { name, key, methods, scheme, inheritsVersion: false }, context),
    ...match,
    key,
    swaggerKey: values.SwaggerKey,
    downstreamTemplate,
    downstreamMethod: readMethod(route),
    target,
    scheme,
    webSocket,
    versions,
    claims: readClaims(route),
    strangler: readStrangler(joinGroup(values.StranglerOptions, context.globalStrangler, key), backend),
  };
}

function readMethod(route: RouteObject): string | undefined {
  const method = route.values.DownstreamHttpMethod?.toUpperCase();
  if (method && !/^[A-Z]+$/.test(method)) route.error('DownstreamHttpMethod', `${method} is no method`);
  return method || undefined;
}

const EXPANSION = {
  RouteKey: { type: 'string', required: true, doc: 'A key of `RouteKeys`, not the first.' },
  JsonPath: { type: 'string', required: true, doc: 'Selects values in the body of the first part.' },
  Parameter: { type: 'string', required: true, doc: 'Placeholder that gets each value.' },
} as const satisfies SectionShape;

export const AGGREGATE = {
  ...MATCH,
  RouteKeys: { type: 'strings', required: true, doc: '`Key`s of the routes, in the order of the answer.' },
  RouteKeysConfig: { type: 'objects', shape: EXPANSION, doc: 'Calls for each value in the first answer.' },
  Aggregator: { type: 'string', doc: 'Registered in code; absent = one JSON object of all answers.' },
} as const satisfies SectionShape;

export function readAggregate(
  aggregate: ConfigObject<typeof AGGREGATE>,
  { strict, registered }: Pick<ReadContext, 'strict' | 'registered'>,
): AggregateConfig {
  const { values } = aggregate;
  const routeKeys = values.RouteKeys ?? [];
  if (routeKeys.length === 0) aggregate.error('RouteKeys', 'must name at least one route');
  if (values.Aggregator && !hasName(registered.aggregators, values.Aggregator))
    aggregate.error('Aggregator', `${values.Aggregator} is not registered in code`);
  return {
    ...readMatch(aggregate, { strict, defaultMethods: ['GET'] }),
    routeKeys,
    expansions: new Map(
      (values.RouteKeysConfig ?? []).map((entry) => [readRouteKey(entry, routeKeys), readExpansion(entry)]),
    ),
    aggregator: values.Aggregator || undefined,
  };
}

type ExpansionObject = ConfigObject<typeof EXPANSION>;

function readRouteKey(entry: ExpansionObject, routeKeys: readonly string[]): string {
  const key = entry.values.RouteKey ?? '';
  if (!routeKeys.slice(1).includes(key))
    entry.error('RouteKey', `${key} is not among RouteKeys behind the first`);
  return key;
}

function readExpansion(entry: ExpansionObject): { readonly jsonPath: string; readonly parameter: string } {
  const jsonPath = entry.values.JsonPath ?? '';
  if (!jsonPath.startsWith('$')) entry.error('JsonPath', 'must start with $');
  else if (parseJsonPath(jsonPath) === undefined)
    entry.error('JsonPath', `${jsonPath} does not select by names, positions and depth alone`);
  const parameter = entry.values.Parameter ?? '';
  if (parameter === '') entry.error('Parameter', 'must be given');
  return { jsonPath, parameter };
}

export const DYNAMIC_ROUTE = {
  ServiceName: { type: 'string', required: true, doc: 'The service that this is for.' },
  ServiceNamespace: { type: 'string', doc: 'Namespace of the service.' },
  Key: { type: 'string', doc: 'Name for `RouteKeys` of global options.' },
  DownstreamScheme: {
    type: 'string',
    oneOf: ['http', 'https', 'ws', 'wss'],
    default: 'http',
    doc: 'Else the global one.',
  },
  ...COMMON,
  ...GROUPS,
  RateLimitOptions: {
    type: 'object',
    also: ['RateLimitRule'],
    shape: RATE_LIMIT,
    doc: 'Requests of one client in a period.',
  },
} as const satisfies SectionShape;

export type DynamicRouteObject = ConfigObject<typeof DYNAMIC_ROUTE>;

export function readDynamic(
  entries: readonly DynamicRouteObject[],
  globalScheme: Scheme | undefined,
  context: ReadContext,
): DynamicConfig {
  const services = new Map<string, DynamicPolicy>();
  for (const entry of entries) {
    const service = entry.values.ServiceName ?? '';
    if (service === '') entry.error('ServiceName', 'must be given');
    if (services.has(service)) entry.error('ServiceName', `${service} has another entry`);
    services.set(service, readDynamicRoute(entry, service, globalScheme, context));
  }
  return { defaults: readDynamicRoute(undefined, '{service}', globalScheme, context), services };
}

function readDynamicRoute(
  entry: DynamicRouteObject | undefined,
  name: string,
  globalScheme: Scheme | undefined,
  context: ReadContext,
): DynamicPolicy {
  const { scheme } = readScheme(entry?.values.DownstreamScheme ?? globalScheme ?? 'http');
  const key = entry?.values.Key;
  return {
    ...readPolicies(entry, { name, key, methods: [], scheme, inheritsVersion: true }, context),
    scheme,
    namespace: entry?.values.ServiceNamespace,
    claims: readClaims(undefined),
    versions: [],
    strangler: undefined,
  };
}

import type { ConfigObject, SectionShape } from '../grammar/shape.ts';
import type { DynamicConfig, DynamicPolicy } from '../model.ts';
import { POLICY_KEYS, readPolicies, readRoutePolicies } from '../policies/policies.ts';
import { rateLimit } from '../policies/rate-limit/config.ts';
import { readScheme, type Scheme } from '../policies/target/config.ts';
import type { ReadContext } from './route.ts';

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
  ...POLICY_KEYS,
  RateLimitOptions: {
    ...rateLimit.keys.RateLimitOptions,
    also: ['RateLimitRule'],
    doc: 'Requests of one client in a period.',
  },
} as const satisfies SectionShape;

type DynamicRouteObject = ConfigObject<typeof DYNAMIC_ROUTE>;

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
  const { scheme, webSocket: isWebSocket } = readScheme(
    entry?.values.DownstreamScheme ?? globalScheme ?? 'http',
  );
  const owner = { name, key: entry?.values.Key, methods: [], scheme, isWebSocket, inheritsVersion: true };
  return {
    ...readPolicies(entry, context.global, owner, context),
    scheme,
    namespace: entry?.values.ServiceNamespace,
    ...readRoutePolicies(undefined, undefined, owner, context),
  };
}

import type { PolicyContext } from '../grammar/policy.ts';
import type { ConfigObject, SectionShape } from '../grammar/shape.ts';
import type { RouteConfig } from '../model.ts';
import { POLICY_KEYS, ROUTE_POLICY_KEYS, readPolicies, readRoutePolicies } from '../policies/policies.ts';
import { readTarget, TARGET } from '../policies/target/config.ts';
import { checkTemplate } from '../templates/check-template.ts';
import type { GlobalObject } from './global.ts';
import { MATCH, readMatch } from './match.ts';

export const ROUTE = {
  ...MATCH,
  DownstreamPathTemplate: {
    type: 'string',
    doc: 'Path (and query) for the back end; `{name}` is the value of a placeholder. Required unless the route answers itself.',
  },
  DownstreamHttpMethod: { type: 'string', doc: 'Replaces the method; absent = as it came.' },
  ...TARGET,
  Key: { type: 'string', doc: 'Name for aggregates and for `RouteKeys` of global options.' },
  SwaggerKey: { type: 'string', own: true, doc: 'Which entry of `SwaggerEndPoints` describes the back end.' },
  VirtualDirectory: {
    type: 'string',
    own: true,
    doc: 'What of `DownstreamPathTemplate` the paths of that description leave out: `/project`.',
  },
  ...POLICY_KEYS,
  ...ROUTE_POLICY_KEYS,
} as const satisfies SectionShape;

export type RouteObject = ConfigObject<typeof ROUTE>;

/** What all routes of a file are read with. */
export interface ReadContext extends PolicyContext {
  readonly global: GlobalObject | undefined;
}

export function readRoute(route: RouteObject, context: ReadContext): RouteConfig {
  const { values } = route;
  const { global, hasDiscovery } = context;
  const match = readMatch(route, { strict: context.strict, defaultMethods: [] });
  const isOwnAnswer = (values.AnswerOptions ?? values.RedirectOptions) !== undefined;
  const { downstreamTemplate, target, scheme, webSocket } = isOwnAnswer
    ? NO_BACKEND
    : readBackend(route, hasDiscovery);
  const { name, methods } = match;
  const owner = { name, key: values.Key, methods, scheme, isWebSocket: webSocket, inheritsVersion: false };
  const own = readRoutePolicies(route, global, owner, context);
  if (own.versions.length > 0 && target.kind === 'hosts')
    route.error('Versions', 'needs ServiceName: versions are told apart by tags of discovery');
  return {
    ...readPolicies(route, global, owner, context),
    ...match,
    key: values.Key,
    swaggerKey: values.SwaggerKey,
    virtualDirectory: values.VirtualDirectory,
    downstreamTemplate,
    downstreamMethod: readMethod(route),
    target,
    scheme,
    webSocket,
    ...own,
  };
}

/** Of a route that answers itself: nothing is sent anywhere. */
const NO_BACKEND = {
  downstreamTemplate: '/',
  target: { kind: 'hosts', hosts: [] },
  scheme: 'http',
  webSocket: false,
} as const;

function readBackend(route: RouteObject, hasDiscovery: boolean): Pick<RouteConfig, keyof typeof NO_BACKEND> {
  const downstreamTemplate = route.values.DownstreamPathTemplate ?? '';
  for (const problem of checkTemplate('Downstream', downstreamTemplate))
    route.error('DownstreamPathTemplate', problem);
  return { downstreamTemplate, ...readTarget(route, { defaultScheme: 'http', hasDiscovery }) };
}

function readMethod(route: RouteObject): string | undefined {
  const method = route.values.DownstreamHttpMethod?.toUpperCase();
  if (method && !/^[A-Z]+$/.test(method)) route.error('DownstreamHttpMethod', `${method} is no method`);
  return method || undefined;
}

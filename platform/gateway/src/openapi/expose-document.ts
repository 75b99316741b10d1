import { isRecord } from '@flotilla/kernel';
import type { RouteConfig } from '../model.ts';
import { METHODS } from '../wire/rules/request.ts';
import { isGivenByGateway, withGatewayResponses } from './gateway-part.ts';
import { type JsonObject, listAt, objectAt } from './json-object.ts';
import { type Providers, securityOf } from './security.ts';
import { placeholdersIn, upstreamPath } from './upstream-path.ts';

/** The operations of a service that the gateway passes on, as clients see them. */
export interface ExposedOperation {
  readonly path: string;
  /** Lower case. */
  readonly method: string;
  readonly operation: JsonObject;
}

/** As OpenAPI writes them. */
const OPERATIONS = METHODS.map((method) => method.toLowerCase());

export interface ExposeOptions {
  /** Those to this service, in their order: where two lead to the same place the first one counts. */
  readonly routes: readonly RouteConfig[];
  readonly serviceName: string;
  /** Before the paths of the document. */
  readonly basePath: string;
  readonly providers: Providers;
}

export function exposeDocument(
  document: JsonObject,
  { routes, serviceName, basePath, providers }: ExposeOptions,
): readonly ExposedOperation[] {
  const exposed = new Map<string, ExposedOperation>();
  const isDivided = new Set(allOperations(document).flatMap(ownTags)).size > 1;
  const tagsOf = (operation: JsonObject) => {
    const own = isDivided ? ownTags(operation) : []; // one tag for all says less than the name of the service
    return own.length > 0 ? own : [serviceName];
  };
  for (const route of routes) {
    for (const [documented, item] of Object.entries(objectAt(document, 'paths'))) {
      const path = upstreamPath(basePath + documented, route);
      if (path === undefined || !isRecord(item)) continue;
      for (const [method, operation] of operationsOf(item, route)) {
        const key = `${method} ${path}`;
        if (exposed.has(key)) continue;
        const place = { path, item, operation, route, tags: tagsOf(operation), providers };
        const seen = asSeen(document, place);
        exposed.set(key, { path, method, operation: seen });
      }
    }
  }
  return [...exposed.values()];
}

/** All operations as the service has them, without its names for security: there is nobody here to explain them. */
export function wholeDocument(document: JsonObject): readonly ExposedOperation[] {
  return Object.entries(objectAt(document, 'paths')).flatMap(([path, item]) =>
    OPERATIONS.flatMap((method) => {
      const operation = isRecord(item) ? item[method] : undefined;
      if (!isRecord(item) || !isRecord(operation)) return [];
      const { security: _its, ...kept } = operation;
      const shared = listAt(item, 'parameters');
      const parameters = [...shared, ...listAt(operation, 'parameters')];
      return [{ path, method, operation: parameters.length > 0 ? { ...kept, parameters } : kept }];
    }),
  );
}

/** By the method that clients use. */
function operationsOf(
  item: JsonObject,
  { methods, downstreamMethod }: RouteConfig,
): readonly (readonly [method: string, operation: JsonObject])[] {
  const called = methods.length > 0 ? methods.map((method) => method.toLowerCase()) : undefined;
  if (downstreamMethod !== undefined) {
    const method = downstreamMethod.toLowerCase();
    const operation = item[method];
    return isRecord(operation) ? (called ?? [method]).map((one) => [one, operation] as const) : [];
  }
  return OPERATIONS.flatMap((method) => {
    const operation = item[method];
    return isRecord(operation) && (called?.includes(method) ?? true) ? [[method, operation] as const] : [];
  });
}

interface Place {
  readonly path: string;
  readonly item: JsonObject;
  readonly operation: JsonObject;
  readonly route: RouteConfig;
  readonly tags: readonly unknown[];
  readonly providers: Providers;
}

function allOperations(document: JsonObject): readonly JsonObject[] {
  return Object.values(objectAt(document, 'paths')).flatMap((item) =>
    OPERATIONS.map((method) => objectAt(item, method)),
  );
}

function ownTags({ tags }: JsonObject): readonly unknown[] {
  return Array.isArray(tags) ? tags : [];
}

function asSeen(document: JsonObject, { path, item, operation, route, tags, providers }: Place): JsonObject {
  const { servers: _ours, security: _gateways, ...kept } = operation;
  const parameters = parametersOf(document, { path, item, operation, route });
  const { authentication, rateLimit } = route;
  return {
    ...kept,
    tags,
    ...(parameters.length > 0 && { parameters }),
    ...(parameters.length === 0 && 'parameters' in kept && { parameters: [] }),
    responses: withGatewayResponses(document, objectAt(operation, 'responses'), route),
    security: securityOf(route, providers),
    ...(authentication !== undefined &&
      authentication.allowedScopes.length > 0 && { 'x-scopes': authentication.allowedScopes }),
    ...(rateLimit !== undefined && { 'x-rate-limit': { limit: rateLimit.limit, period: rateLimit.period } }),
  };
}

/**
 * Path parameters are those of the path that clients use; a parameter of the operation hides one of its item. What the
 * gateway sets itself is not asked of clients.
 */
function parametersOf(
  document: JsonObject,
  { path, item, operation, route }: Omit<Place, 'tags' | 'providers'>,
): readonly JsonObject[] {
  const declared = new Map<string, JsonObject>();
  for (const parameter of [...listAt(item, 'parameters'), ...listAt(operation, 'parameters')]) {
    const { name, in: place } = resolved(document, parameter);
    if (place === 'header' && isGivenByGateway(String(name), route)) continue;
    declared.set(`${String(place)} ${String(name)}`, parameter);
  }
  const inPath = placeholdersIn(path);
  const others = [...declared].filter(([key]) => !key.startsWith('path '));
  const own = inPath.map((name): JsonObject => {
    return declared.get(`path ${name}`) ?? { name, in: 'path', required: true, schema: { type: 'string' } };
  });
  return [...own, ...others.map(([, parameter]) => parameter)];
}

function resolved(document: JsonObject, parameter: JsonObject): JsonObject {
  const reference = parameter['$ref'];
  if (typeof reference !== 'string') return parameter;
  const [, name] = /^#\/components\/parameters\/(.+)$/.exec(reference) ?? [];
  return name === undefined
    ? parameter
    : objectAt(objectAt(objectAt(document, 'components'), 'parameters'), name);
}

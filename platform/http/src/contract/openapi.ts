import { STATUS_CODES } from 'node:http';
import { createDocumentSchemas, type DocumentSchemas } from '@flotilla/kernel';
import { COMMON_HEADERS, headersOf, parametersOf } from './openapi-parameters.ts';
import { describeProblems, IMPLIED, type ImpliedStatus } from './openapi-problems.ts';
import type { Route } from './route.ts';

export interface OpenApiOptions {
  readonly title: string;
  readonly version: string;
  readonly routes: readonly Route[];
}

/** The OpenAPI 3.1 document of some routes, ready for JSON. */
export function describeRoutes({ title, version, routes }: OpenApiOptions): object {
  const schemas = createDocumentSchemas('#/components/schemas');
  const problems = describeProblems(schemas);
  const responses = new Map(
    routes.map((route) => [
      route,
      { ...responsesOf(route, schemas), ...problems.of(route, impliedBy(route)) },
    ]),
  );
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    const operation = { tags: [title], ...requestOf(route, schemas), responses: responses.get(route) };
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation };
  }
  return {
    openapi: '3.1.0',
    info: { title, version },
    servers: [{ url: '/' }],
    tags: [{ name: title }],
    paths,
    components: {
      schemas: schemas.all(),
      responses: problems.common,
      headers: COMMON_HEADERS,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

function requestOf(route: Route, { toWrite }: DocumentSchemas): object {
  const parameters = [
    ...parametersOf('path', route.params),
    ...parametersOf('query', route.query),
    ...parametersOf('header', route.documentedHeaders ?? route.headers),
  ];
  return {
    summary: route.summary,
    operationId: route.operationId ?? defaultId(route),
    security: route.access === 'public' ? [] : [{ bearer: [] }],
    ...(route.access !== 'public' && { 'x-policy': route.access.name }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: { required: true, content: { 'application/json': { schema: toWrite(route.body) } } },
    }),
  };
}

function responsesOf(route: Route, { toRead }: DocumentSchemas): object {
  const responses = Object.entries(route.responses).map(([status, body]) => [
    status,
    {
      description: STATUS_CODES[status] ?? status,
      headers: headersOf(route.responseHeaders?.[Number(status)]),
      ...(body && { content: { [route.produces ?? 'application/json']: { schema: toRead(body) } } }),
    },
  ]);
  return Object.fromEntries(responses);
}

/** Statuses of problems that the host answers by itself, by what a route asks of its callers. */
function impliedBy({ params, query, headers, body, access }: Route): readonly ImpliedStatus[] {
  const takesInput = [params, query, headers, body].some((part) => part !== undefined);
  return IMPLIED.filter((status) => (status === 400 ? takesInput : access !== 'public'));
}

/** `GET /products/:id/availability` → `getProductsIdAvailability` */
function defaultId({ method, path }: Route): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

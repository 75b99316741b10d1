import { STATUS_CODES } from 'node:http';
import type { Schema } from '@flotilla/kernel';
import type { Route } from './route.ts';

const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'RFC 9457 problem details; `code` is stable.',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
    traceId: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          in: { type: 'string', enum: ['body', 'query', 'params', 'headers'] },
          path: { type: 'string' },
          message: { type: 'string' },
        },
        required: ['path', 'message'],
      },
    },
  },
  required: ['type', 'title', 'status', 'code', 'traceId'],
};

const PROBLEM_RESPONSE = {
  description: 'The request was refused or failed',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

export interface OpenApiOptions {
  readonly title: string;
  readonly version: string;
  readonly routes: readonly Route[];
}

/** The OpenAPI 3.1 document of some routes, ready for JSON. */
export function describeRoutes({ title, version, routes }: OpenApiOptions): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title, version },
    paths,
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

function operation(route: Route): object {
  const parameters = [
    ...parametersOf('path', route.params),
    ...parametersOf('query', route.query),
    ...parametersOf('header', route.headers),
  ];
  return {
    summary: route.summary,
    operationId: operationId(route),
    ...(route.access !== 'public' && { security: [{ bearer: [] }], 'x-policy': route.access.name }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: { required: true, content: { 'application/json': { schema: route.body } } },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.responses).map(([status, body]) => [status, reply(status, body)]),
      ),
      default: PROBLEM_RESPONSE,
    },
  };
}

function reply(status: string, body: Schema<unknown> | null): object {
  return {
    description: STATUS_CODES[status] ?? status,
    ...(body && { content: { 'application/json': { schema: body } } }),
  };
}

function parametersOf(place: 'path' | 'query' | 'header', schema: Schema<unknown> | undefined): object[] {
  if (schema === undefined) return [];
  const required = schema['required'] as readonly string[];
  return Object.entries(schema['properties'] as Record<string, Schema<unknown>>).map(([name, held]) => {
    const { description, ...type } = held;
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(description !== undefined && { description }),
      schema: type,
    };
  });
}

/** `GET /products/:id/availability` → `getProductsIdAvailability` */
function operationId({ method, path }: Route): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

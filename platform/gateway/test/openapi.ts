import type { OpenApiSource, RouteConfig } from '../src/model.ts';
import type { JsonObject } from '../src/openapi/json-object.ts';
import { mergeDocuments } from '../src/openapi/merge-documents.ts';
import type { Providers } from '../src/openapi/security.ts';
import { routeWith } from './backends.ts';

/** What a test reads of a merged document. */
export interface Merged {
  readonly openapi: string;
  readonly info: { readonly description?: string };
  readonly servers: unknown;
  readonly paths: Record<string, Record<string, Record<string, unknown>>>;
  readonly components: { readonly schemas?: JsonObject; readonly securitySchemes?: JsonObject };
  readonly 'x-unavailable'?: unknown;
  readonly 'x-asyncapi'?: unknown;
}

export const OK = { responses: { 200: { description: 'ok' } } };

export function source(key: string, url: string = '', more: Partial<OpenApiSource> = {}): OpenApiSource {
  const shown = { host: undefined, keepsServers: false, isShownAsItIs: false };
  return { key, name: `The ${key} API`, version: 'v1', at: { url }, ...shown, ...more };
}

/** To the service `orders` unless it says otherwise. */
export function route(
  name: string,
  downstreamTemplate: string,
  more: Partial<RouteConfig> = {},
): RouteConfig {
  return routeWith({ name, downstreamTemplate, swaggerKey: 'orders', ...more });
}

export function document(paths: JsonObject, schemas: JsonObject = {}): JsonObject {
  return { openapi: '3.0.1', info: { title: 'internal', version: '9' }, paths, components: { schemas } };
}

/** Documents by their keys; `sources` say how they are shown. */
export function merge(
  routes: readonly RouteConfig[],
  documents: Readonly<Record<string, JsonObject>>,
  {
    sources = {},
    providers = new Map(),
  }: {
    readonly sources?: Readonly<Record<string, Partial<OpenApiSource>>>;
    readonly providers?: Providers;
  } = {},
): Merged {
  const described = Object.entries(documents).map(([key, held]) => ({
    source: source(key, '', sources[key]),
    document: held,
  }));
  const options = { title: 't', version: '1', routes, providers, asyncApi: undefined };
  return mergeDocuments(described, options) as unknown as Merged; // checked by what the tests read
}

import type { OpenApiSource, RouteConfig } from '../model.ts';
import { createComponents } from './components.ts';
import { exposeDocument, wholeDocument } from './expose-document.ts';
import { type JsonObject, listAt, objectAt } from './json-object.ts';
import { type Providers, securitySchemes } from './security.ts';
import { basePathOf, HERE, serversOf } from './servers.ts';

/** What came of asking a service for its document. */
export interface SourceDocument {
  readonly source: OpenApiSource;
  /** A sentence instead of the document when there is none. */
  readonly document: JsonObject | { readonly missing: string };
}

export interface MergeOptions {
  readonly title: string;
  readonly version: string;
  readonly routes: readonly RouteConfig[];
  readonly providers: Providers;
  /** Where the gateway describes the events behind it, if it does. */
  readonly asyncApi: string | undefined;
}

/**
 * One OpenAPI document of what clients can reach through the gateway. A service without a document is named in
 * `x-unavailable` and in the description; the others are complete.
 */
export function mergeDocuments(
  sources: readonly SourceDocument[],
  { title, version, routes, providers, asyncApi }: MergeOptions,
): JsonObject {
  const components = createComponents();
  const paths = new Map<string, Map<string, JsonObject>>();
  const operationIds = new Set<string>();
  const described = sources.filter((one) => isDescribed(one));
  const servers = sharedServers(described);
  for (const { source, document } of described) {
    const own = serversOf(source, document);
    for (const { path, method, operation } of operationsOf({ source, document }, { routes, providers })) {
      const methods = paths.get(path) ?? new Map<string, JsonObject>();
      paths.set(path, methods);
      if (methods.has(method)) continue; // another service, or another version, came first
      const adopted = components.adopt(operation, document, source.key);
      const placed = isSame(own, servers) ? adopted : { ...adopted, servers: own };
      methods.set(method, withFreeId(placed, operationIds, source.key));
    }
  }
  const schemes = usedSchemes(paths, providers);
  const missing = sources.flatMap(({ source, document }) =>
    'missing' in document
      ? [{ service: source.name, version: source.version, reason: String(document['missing']) }]
      : [],
  );
  return {
    openapi: sources.some(isOpenApi31) ? '3.1.0' : '3.0.3',
    info: { title, version, ...(missing.length > 0 && { description: describeMissing(missing) }) },
    servers,
    tags: tagsOf(paths),
    paths: Object.fromEntries([...paths].map(([path, methods]) => [path, Object.fromEntries(methods)])),
    components: {
      ...components.all(),
      ...(Object.keys(schemes).length > 0 && { securitySchemes: schemes }),
    },
    ...(asyncApi !== undefined && { 'x-asyncapi': asyncApi }),
    ...(missing.length > 0 && { 'x-unavailable': missing }),
  };
}

interface Described extends SourceDocument {
  readonly document: JsonObject;
}

function isDescribed(one: SourceDocument): one is Described {
  return !('missing' in one.document);
}

function operationsOf(
  { source, document }: Described,
  { routes, providers }: Pick<MergeOptions, 'routes' | 'providers'>,
): ReturnType<typeof wholeDocument> {
  if (source.isShownAsItIs) return wholeDocument(document);
  const own = routes.filter(({ swaggerKey }) => swaggerKey === source.key);
  const basePath = basePathOf(source, document);
  return exposeDocument(document, { routes: own, serviceName: source.name, basePath, providers });
}

/** Those of all documents, where they agree. */
function sharedServers(sources: readonly Described[]): readonly JsonObject[] {
  const [first = HERE, ...others] = sources.map(({ source, document }) => serversOf(source, document));
  return others.every((servers) => isSame(servers, first)) ? first : HERE;
}

function isSame(one: readonly JsonObject[], other: readonly JsonObject[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Only those that are asked for: what else there is stays unknown. */
function usedSchemes(
  paths: ReadonlyMap<string, ReadonlyMap<string, JsonObject>>,
  providers: Providers,
): JsonObject {
  const ways = [...paths.values()].flatMap((methods) =>
    [...methods.values()].flatMap((operation) => listAt(operation, 'security')),
  );
  const used = new Set(ways.flatMap((way) => Object.keys(way)));
  return Object.fromEntries(Object.entries(securitySchemes(providers)).filter(([name]) => used.has(name)));
}

function isOpenApi31({ document }: SourceDocument): boolean {
  return String(objectAt({ document }, 'document')['openapi'] ?? '').startsWith('3.1');
}

function withFreeId(operation: JsonObject, taken: Set<string>, prefix: string): JsonObject {
  const { operationId } = operation;
  if (typeof operationId !== 'string') return operation;
  let free = taken.has(operationId) ? `${prefix}_${operationId}` : operationId;
  for (let count = 2; taken.has(free); count += 1) free = `${prefix}_${operationId}_${count}`;
  taken.add(free);
  return { ...operation, operationId: free };
}

function tagsOf(paths: ReadonlyMap<string, ReadonlyMap<string, JsonObject>>): readonly JsonObject[] {
  const names = new Set<unknown>();
  for (const methods of paths.values())
    for (const { tags } of methods.values())
      for (const tag of Array.isArray(tags) ? tags : []) names.add(tag);
  return [...names].filter((name) => typeof name === 'string').map((name) => ({ name }));
}

function describeMissing(missing: readonly { readonly service: string; readonly reason: string }[]): string {
  return missing
    .map(({ service, reason }) => `The description of ${service} is not available: ${reason}.`)
    .join('\n');
}

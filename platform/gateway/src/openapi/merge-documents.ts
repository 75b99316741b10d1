import type { OpenApiSource, RouteConfig } from '../model.ts';
import { createComponents } from './components.ts';
import { exposeDocument } from './expose-document.ts';
import { type JsonObject, objectAt } from './json-object.ts';

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
  /** Where the gateway describes the events behind it, if it does. */
  readonly asyncApi: string | undefined;
}

const BEARER = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' };

/**
 * One OpenAPI document of what clients can reach through the gateway. A service without a document is named in
 * `x-unavailable` and in the description; the others are complete.
 */
export function mergeDocuments(
  sources: readonly SourceDocument[],
  { title, version, routes, asyncApi }: MergeOptions,
): JsonObject {
  const components = createComponents();
  const paths = new Map<string, Map<string, JsonObject>>();
  const operationIds = new Set<string>();
  let isSecured = false;
  for (const { source, document } of sources) {
    if ('missing' in document) continue;
    const own = routes.filter(({ swaggerKey }) => swaggerKey === source.key);
    for (const { path, method, operation } of exposeDocument(document, own, source.name)) {
      const methods = paths.get(path) ?? new Map<string, JsonObject>();
      paths.set(path, methods);
      if (methods.has(method)) continue; // another service, or another version, came first
      const adopted = components.adopt(operation, document, source.key);
      isSecured ||= JSON.stringify(operation['security']) !== '[]';
      methods.set(method, withFreeId(adopted, operationIds, source.key));
    }
  }
  const missing = sources.flatMap(({ source, document }) =>
    'missing' in document
      ? [{ service: source.name, version: source.version, reason: String(document['missing']) }]
      : [],
  );
  return {
    openapi: sources.some(isOpenApi31) ? '3.1.0' : '3.0.3',
    info: { title, version, ...(missing.length > 0 && { description: describeMissing(missing) }) },
    // The server is where the document was read: a gateway does not know under which names it is reached.
    servers: [{ url: '/' }],
    tags: tagsOf(paths),
    paths: Object.fromEntries([...paths].map(([path, methods]) => [path, Object.fromEntries(methods)])),
    components: { ...components.all(), ...(isSecured && { securitySchemes: { bearer: BEARER } }) },
    ...(asyncApi !== undefined && { 'x-asyncapi': asyncApi }),
    ...(missing.length > 0 && { 'x-unavailable': missing }),
  };
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

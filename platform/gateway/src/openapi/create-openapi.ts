import { collect, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { GatewayConfig, OpenApiSource } from '../model.ts';
import { createFavicon, createPage, FAVICON_PATH, type OpenApiResponse } from './docs-page.ts';
import { mergeDocuments, type SourceDocument } from './merge-documents.ts';
import { readDocument } from './read-document.ts';

/**
 * The documents and the page, by the path of a GET request: `/docs`, `/docs/openapi.json` for all services,
 * `/docs/<key>.json` and `/docs/<key>/<version>.json` for one, and those given. `undefined` = none of these.
 */
export interface OpenApi {
  find(path: string): Promise<OpenApiResponse> | undefined;
}

interface OpenApiDeps {
  readonly config: Pick<GatewayConfig, 'openApi' | 'routes' | 'authenticationProviders'>;
  /** Further JSON documents by their whole path. One at `/docs/asyncapi.json` is linked from the page. */
  readonly documents: Readonly<Record<string, object>>;
  /** `http://host:port` of an instance of the service, `undefined` when there is none. */
  readonly locate: (service: string) => Promise<string | undefined>;
  readonly nowMs: () => number;
  readonly logger: Logger;
}

const FRESH_MS = 60_000;
/** A service that starts has its document a moment later. */
const MISSING_MS = 2_000;
const TIMEOUT_MS = 5_000;
const MAX_DOCUMENT_BYTES = 5_000_000;
const TITLE = 'API of the gateway';
const ASYNC_API = '/docs/asyncapi.json';

/** `undefined` when the configuration names no documents: then the gateway serves nothing of its own. */
export function createOpenApi(deps: OpenApiDeps): OpenApi | undefined {
  const { config, nowMs } = deps;
  const given = new Map(Object.entries(deps.documents));
  if (config.openApi.length === 0 && given.size === 0) return undefined;
  const kept = new Map<OpenApiSource, { untilMs: number; readonly asked: Promise<SourceDocument> }>();
  const page = createPage();
  const favicon = createFavicon();

  function ask(source: OpenApiSource): Promise<SourceDocument> {
    const known = kept.get(source);
    if (known !== undefined && nowMs() < known.untilMs) return known.asked;
    const entry = { untilMs: nowMs() + FRESH_MS, asked: load(source, deps) };
    kept.set(source, entry);
    void entry.asked.then(({ document }) => {
      if ('missing' in document) entry.untilMs = nowMs() + MISSING_MS;
    });
    return entry.asked;
  }

  const asyncApi = given.has(ASYNC_API) ? ASYNC_API : undefined;
  async function merged(sources: readonly OpenApiSource[], title: string): Promise<OpenApiResponse> {
    const documents = await Promise.all(sources.map(ask));
    const [first, ...others] = documents;
    const isAlone = first !== undefined && others.length === 0;
    if (isAlone && first.source.isShownAsItIs && !('missing' in first.document))
      return jsonResponse(first.document);
    const version = isAlone ? first.source.version : '1';
    const { routes, authenticationProviders: providers } = config;
    return jsonResponse(mergeDocuments(documents, { routes, providers, title, version, asyncApi }));
  }

  return {
    find: (path) => {
      const document = given.get(path);
      if (document !== undefined) return Promise.resolve(jsonResponse(document));
      if (config.openApi.length === 0) return undefined;
      if (path === '/docs' || path === '/docs/') return Promise.resolve(page);
      if (path === FAVICON_PATH) return Promise.resolve(favicon);
      if (path === '/docs/openapi.json') return merged(config.openApi, TITLE);
      const [, key, , version] = /^\/docs\/([^/]+?)(\/([^/]+?))?\.json$/.exec(path) ?? [];
      const sources = config.openApi.filter(
        (source) => source.key === key && (version === undefined || source.version === version),
      );
      const [first] = sources;
      return first === undefined ? undefined : merged(sources, first.name);
    },
  };
}

function jsonResponse(document: object): OpenApiResponse {
  return { contentType: 'application/json', body: JSON.stringify(document), headers: [] };
}

/** Never rejects. What went wrong is logged; the reader of the document learns no address. */
async function load(source: OpenApiSource, { locate, logger }: OpenApiDeps): Promise<SourceDocument> {
  try {
    const { at } = source;
    const base = 'service' in at ? await locate(at.service) : '';
    if (base === undefined) return { source, document: { missing: 'no instance of the service is there' } };
    const url = 'service' in at ? base + at.path : at.url;
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await readLimited(response);
    if (!response.ok) throw new Error(`the service answered ${response.status}`);
    const document = await readDocument(text);
    return { source, document: document ?? { missing: 'it is no document of OpenAPI 3 or Swagger 2.0' } };
  } catch (error) {
    logger.warn({ service: source.key, err: toError(error) }, 'the OpenAPI document could not be read');
    return { source, document: { missing: 'the service did not give it' } };
  }
}

async function readLimited(response: Response): Promise<string> {
  if (response.body === null) return '';
  const body = await collect(response.body, MAX_DOCUMENT_BYTES);
  if (body === undefined) throw new Error(`the document is larger than ${MAX_DOCUMENT_BYTES} bytes`);
  return body.toString();
}

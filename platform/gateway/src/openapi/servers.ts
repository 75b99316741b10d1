import type { OpenApiSource } from '../model.ts';
import { type JsonObject, listAt, objectAt } from './json-object.ts';

/** Where clients find what a source describes. The default is where they read the document: a gateway does not know its names. */
export const HERE: readonly JsonObject[] = [{ url: '/' }];

export function serversOf(source: OpenApiSource, document: JsonObject): readonly JsonObject[] {
  const own = listAt(document, 'servers');
  if ((source.keepsServers || source.isShownAsItIs) && own.length > 0) return own;
  const { host } = source;
  if (host === undefined || source.isShownAsItIs) return HERE;
  return [{ url: /^[a-z][a-z0-9+.-]*:\/\//i.test(host) ? host : `//${host}` }];
}

/** What stands before the paths of a document: the path of its first server, without a slash at its end. */
export function basePathOf({ keepsServers }: OpenApiSource, document: JsonObject): string {
  const [first] = listAt(document, 'servers');
  const template = keepsServers ? undefined : first?.['url'];
  if (typeof template !== 'string') return '';
  const url = template.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    return String(objectAt(objectAt(first, 'variables'), name)['default'] ?? '');
  });
  const path = URL.parse(url, 'http://here')?.pathname;
  return path?.replace(/\/+$/, '') ?? '';
}

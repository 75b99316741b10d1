import { hash } from 'node:crypto';
import type { Exchange } from '../../exchange.ts';
import { fieldValue } from '../../wire/rules/fields.ts';
import type { RequestHead } from '../../wire/rules/request.ts';
import type { CacheConfig } from './config.ts';
import type { Lookup, ResponseCache } from './response-cache.ts';
import type { Labels } from './store.ts';

/*
 * How the forwarding code uses a route's cache, after all steps on the request:
 *
 *   const body = policy.wantsBody(exchange.request) ? await readWhole(exchange.body) : undefined;
 *   const found = policy.lookup(exchange, body);
 *   const settled = found.kind === 'wait' ? await found.settled : found;
 *
 *   hit     answer.send(settled.answer.head, settled.answer.body), after the response transforms;
 *           if there is settled.refresh: fetch without the client and tell that recorder as below.
 *   miss    recorder.head(head, source)  once the final head is there, before answer transforms
 *           recorder.chunk(bytes)        for each part, if head() said true
 *           recorder.complete()          when the back end's response was complete
 *           recorder.abandon(why)        whatever else happens: each recorder comes to an end
 *           recorder.instead()           a stale response to be sent in place of a failure
 *   bypass  forward, as if there were no cache.
 */
export interface CachePolicy {
  /** The body is part of the key: it must be read before `lookup`. */
  wantsBody(request: RequestHead): boolean;
  lookup(exchange: Exchange, body: Buffer | undefined): Lookup;
}

export interface CachePolicyDeps {
  readonly cache: ResponseCache;
  /** Routes never share entries. */
  readonly routeId: string;
  readonly strict: boolean;
  /**
   * Outgoing fields (lower case) of the gateway's own that differ from client to client and change what a back
   * end answers without a `Vary`: with trusted proxies `x-forwarded-host` and `x-forwarded-proto`.
   */
  readonly keyFields: readonly string[];
}

/** Larger bodies are not read for a key; such requests go past the cache. */
const MAX_HASHED_BODY_BYTES = 2 ** 20;

/** `undefined` = the route is not cached. */
export function compileCache(
  config: CacheConfig | undefined,
  deps: CachePolicyDeps,
): CachePolicy | undefined {
  if (config === undefined) return undefined;
  const { cache, routeId, strict, keyFields } = deps;
  const { hashesBody, keyHeader, region } = config;
  const header = keyHeader.toLowerCase();
  const tagsOf = config.tags.map(compileTag);

  function primaryKey({ request, outgoing, secure }: Exchange, body: Buffer | undefined): string {
    const { method, target, host } = request;
    // No part can hold a line feed, so none can be taken for two.
    const url = `${method} ${secure ? 's' : ''} ${host.toLowerCase()}\n${target.path}\n${target.query}`;
    let key = `${routeId}\n${url}\n${fieldValue(outgoing.fields, header) ?? ''}`;
    for (const name of keyFields) key += `\n${fieldValue(outgoing.fields, name) ?? ''}`;
    return body === undefined || !hashesBody ? key : `${key}\n${hash('sha256', body, 'base64')}`;
  }

  function labelsOf({ request, values }: Exchange): Labels {
    return { path: request.target.path, region, tags: tagsOf.map((tag) => tag(values)) };
  }

  return {
    wantsBody: ({ framing, handshake }) =>
      hashesBody &&
      handshake === 'none' &&
      (framing.kind === 'chunked' || (framing.kind === 'length' && framing.bytes <= MAX_HASHED_BODY_BYTES)),
    lookup: (exchange, body) => {
      if (exchange.isPersonal) return { kind: 'bypass' };
      const use = strict ? strictUse(exchange.request) : useOf(exchange.request, hashesBody, body);
      if (use === undefined) return { kind: 'bypass' };
      return cache.lookup({
        exchange,
        config,
        strict,
        primary: primaryKey(exchange, body),
        ifNoneMatch: use.ifNoneMatch,
        labels: () => labelsOf(exchange),
      });
    },
  };
}

interface Use {
  readonly ifNoneMatch: string | undefined;
}

const PLAIN_USE: Use = { ifNoneMatch: undefined };

function strictUse({ handshake }: RequestHead): Use | undefined {
  return handshake === 'none' ? PLAIN_USE : undefined;
}

/** How a request may use the cache; `undefined` = not at all. */
function useOf(request: RequestHead, hashesBody: boolean, body: Buffer | undefined): Use | undefined {
  const { method, framing, handshake, fields } = request;
  if (handshake !== 'none') return undefined;
  if (method !== 'GET' && method !== 'HEAD' && !hashesBody) return undefined;
  if (framing.kind !== 'none' && (!hashesBody || body === undefined)) return undefined;
  let isConditional = false;
  for (const { lower } of fields.names) {
    if (lower === 'authorization' || lower === 'cookie' || lower === 'range') return undefined;
    if (lower === 'if-none-match') isConditional = true;
    else if (lower.startsWith('if-')) return undefined;
  }
  if (!isConditional) return PLAIN_USE;
  return method === 'GET' || method === 'HEAD'
    ? { ifNoneMatch: fieldValue(fields, 'if-none-match') ?? '' }
    : undefined;
}

/** `product:{id}`: with the values of the route's placeholders, as the client wrote them. */
function compileTag(template: string): (values: ReadonlyMap<string, string>) => string {
  if (!template.includes('{')) return () => template;
  return (values) => template.replace(/\{([^{}]*)\}/g, (text, name: string) => values.get(name) ?? text);
}

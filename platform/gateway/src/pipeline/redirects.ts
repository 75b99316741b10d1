import type { Backend } from '../backends/backends.ts';
import { downstreamBaseUrl } from '../policies/header-transforms/header-transforms.ts';
import type { Origin } from '../wire/backend/backend-call.ts';
import { isCallable } from '../wire/rules/callable-address.ts';
import { copyFields, type Fields, fieldValue, removeField } from '../wire/rules/fields.ts';
import type { ResponseHead } from '../wire/rules/response.ts';

/** A request that goes to a back end, as far as a redirect may change it. */
export interface Hop {
  readonly backend: Backend;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly fields: Fields;
  readonly hasBody: boolean;
}

/** Further ones go to the client. */
export const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Meant for the original host alone. */
const OF_THE_ORIGIN = ['authorization', 'cookie'];
const OF_THE_BODY = ['content-type', 'content-encoding', 'content-language', 'content-location'];
const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/**
 * Where a response sends the gateway; `undefined` when it is for the client as it is: no redirect, one that would need the body again,
 * leads to an address that must not be called, or from https to http.
 */
export function followRedirect(head: ResponseHead, from: Hop): Hop | undefined {
  if (!REDIRECTS.has(head.status)) return undefined;
  const location = fieldValue(head.fields, 'location');
  const here = `${downstreamBaseUrl(from.backend.origin).slice(0, -1)}${from.target}`;
  const url = location === undefined ? null : URL.parse(location, here);
  if (url === null || !isAllowed(url, from.backend.origin)) return undefined;
  const becomesGet = head.status <= 303 && from.method === 'POST';
  if (from.hasBody && !becomesGet) return undefined;
  const backend = backendAt(url, from.backend);
  const fields = copyFields(from.fields);
  if (backend !== from.backend) for (const name of OF_THE_ORIGIN) removeField(fields, name);
  if (becomesGet) for (const name of OF_THE_BODY) removeField(fields, name);
  return {
    backend,
    method: becomesGet ? 'GET' : from.method,
    target: `${url.pathname}${url.search}`,
    fields,
    hasBody: false,
  };
}

function isAllowed({ protocol, hostname, username }: URL, from: Origin): boolean {
  if (protocol !== 'https:' && (protocol !== 'http:' || from.secure)) return false;
  return username === '' && isCallable(hostname);
}

function backendAt(url: URL, before: Backend): Backend {
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || DEFAULT_PORTS[secure ? 'https' : 'http'];
  const { tls: _, ...origin } = before.origin;
  if (origin.secure === secure && origin.host === host && origin.port === port) return before;
  return {
    // For logs and metrics the instance that was asked: names that back ends choose would be endless.
    id: before.id,
    authority: url.host,
    origin: {
      ...origin,
      key: `redirect ${url.protocol}//${url.host} ${origin.key.slice(origin.key.indexOf(' ') + 1)}`,
      secure,
      host,
      port,
      checksAddress: true,
    },
  };
}

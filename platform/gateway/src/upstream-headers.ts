import type { Endpoint } from '@flotilla/discovery';
import { childOf, formatTraceparent } from '@flotilla/telemetry';
import type { RouteConfig } from './config/gateway-config.ts';
import type { Exchange } from './exchange.ts';
import type { RequestHead } from './request-head.ts';

/** The fields for the back end: the client's, without what it may not say, then the gateway's own. */
export function upstreamHeaders(
  { trace, clientAddress, remainingMs }: Exchange,
  head: RequestHead,
  { requestIdKey }: RouteConfig,
  endpoint: Endpoint,
): string[] {
  const headers = ['host', `${endpoint.host}:${endpoint.port}`, ...head.forwardable];
  headers.push('x-forwarded-for', clientAddress, 'x-forwarded-host', head.host, 'x-forwarded-proto', 'http');
  headers.push('traceparent', formatTraceparent(childOf(trace)));
  headers.push('x-request-deadline', String(shortest(remainingMs(), head.fields.get('x-request-deadline'))));
  if (requestIdKey !== undefined && !head.fields.has(requestIdKey)) headers.push(requestIdKey, trace.traceId);
  if (head.body.kind === 'length') headers.push('content-length', String(head.body.bytes));
  return headers;
}

/** A client may be less patient than the gateway, never more. */
function shortest(oursMs: number, clients: string | undefined): number {
  const clientsMs = /^\d{1,9}$/.test(clients ?? '') ? Number(clients) : Number.POSITIVE_INFINITY;
  return Math.min(oursMs, clientsMs);
}

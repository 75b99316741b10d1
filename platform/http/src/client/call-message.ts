import { isRecord } from '@flotilla/kernel';
import type { Route } from '../contract/route.ts';
import { httpError } from '../errors.ts';
import { failedResponse } from './call.ts';
import type { WireResponse } from './transport.ts';

/** The parts of a call as they come from typed code. */
export interface AnyInput {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly headers?: unknown;
  /** Sent as JSON; `URLSearchParams` as a form. */
  readonly body?: unknown;
}

/** `/orders/:id` with its parameters filled in and the query appended. */
export function pathOf(route: Route, { params, query }: AnyInput): string {
  const values = isRecord(params) ? params : {};
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined || value === '') throw new TypeError(`${route.path} needs the parameter ${name}`);
    return encodeURIComponent(String(value));
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(isRecord(query) ? query : {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) search.append(name, String(one));
    }
  }
  return search.size === 0 ? path : `${path}?${search}`;
}

export function headersOf({ headers, body }: AnyInput): Record<string, string> {
  const out: Record<string, string> = { accept: 'application/json' };
  for (const [name, value] of Object.entries(isRecord(headers) ? headers : {})) {
    if (value !== undefined) out[name] = String(value);
  }
  if (body !== undefined)
    out['content-type'] =
      body instanceof URLSearchParams ? 'application/x-www-form-urlencoded' : 'application/json';
  return out;
}

/** The body of a declared response; throws for every other one, with what the error codes promise. */
export function readResponse(route: Route, service: string, response: WireResponse): unknown {
  const schema = route.responses[response.status];
  if (schema === undefined)
    throw failedResponse(service, `${route.method} ${route.path}`, response, {
      route: route.path,
      problem: parseJson(response),
    });
  if (schema === null) return undefined;
  if (route.produces !== undefined) return response.body;
  const body = parseJson(response);
  if (body === undefined) {
    throw httpError('HTTP_BAD_RESPONSE', `${service} did not answer JSON`, {
      details: { service, route: route.path, status: response.status },
    });
  }
  return body;
}

/** `undefined` when it is not JSON. */
function parseJson({ headers, body }: WireResponse): unknown {
  if (!/^application\/([\w.-]+\+)?json\b/.test(headers['content-type'] ?? '')) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

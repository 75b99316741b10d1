import type { IncomingMessage, ServerResponse } from 'node:http';
import { collect } from '@flotilla/kernel';
import type { Identify } from '../acl.ts';
import { Refusal, type RegistryResponse, type RegistryRoute } from './exchange.ts';

export interface ServeDeps {
  readonly routes: readonly RegistryRoute[];
  readonly identify: Identify;
  /** Why a path of Consul's API is not served, `undefined` when it is none. */
  readonly absenceOf: (pathname: string) => string | undefined;
}

const MAX_BODY_BYTES = 64 * 1024;

/** One request from its first line to the end of its response. */
export async function serve(
  deps: ServeDeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = URL.parse(request.url ?? '', 'http://registry');
  if (target === null) {
    send(response, { status: 400, text: 'Bad request' });
    return;
  }
  const found = routesAt(deps.routes, target.pathname);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = found.find((one) => one.method === method);
  try {
    if (route === undefined) {
      request.resume();
      send(response, refuseMethod(response, deps, target.pathname, request.method ?? '', found));
      return;
    }
    const isPretty = target.searchParams.has('pretty');
    send(response, await respond(deps, route, target, request, response), isPretty);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    request.resume();
    if (error.status === 413) response.setHeader('connection', 'close');
    const { status, message: text, index } = error;
    send(response, { status, text, ...(index !== undefined && { index }) });
  }
}

/** Those with the longest path that fits: what follows it is the argument. */
function routesAt(routes: readonly RegistryRoute[], pathname: string): readonly RegistryRoute[] {
  const fits = ({ path }: RegistryRoute) =>
    path.endsWith('/') ? pathname.startsWith(path) || `${pathname}/` === path : pathname === path;
  const fitting = routes.filter(fits);
  const longest = Math.max(...fitting.map(({ path }) => path.length));
  return fitting.filter(({ path }) => path.length === longest);
}

function refuseMethod(
  response: ServerResponse,
  { absenceOf }: ServeDeps,
  pathname: string,
  method: string,
  found: readonly RegistryRoute[],
): RegistryResponse {
  if (found.length > 0) {
    response.setHeader('allow', ['OPTIONS', ...found.map((route) => route.method)].join(','));
    return method === 'OPTIONS' ? { status: 200 } : { status: 405, text: `method ${method} not allowed` };
  }
  const absence = absenceOf(pathname);
  if (absence !== undefined) return { status: 501, text: absence };
  return { status: 404, text: 'Invalid URL path: not a recognized HTTP API endpoint\n' };
}

async function respond(
  { identify }: ServeDeps,
  route: RegistryRoute,
  { pathname, searchParams: query }: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<RegistryResponse> {
  const caller = identify(request.headers, query);
  if (!caller.ok) throw new Refusal(403, caller.rejection);
  const argument = decodeArgument(pathname.slice(route.path.length));
  const body = await readBody(request, route.maxBodyBytes ?? MAX_BODY_BYTES);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  return await route.respond({ argument, query, body, signal: gone.signal, caller: caller.value });
}

function decodeArgument(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new Refusal(400, 'Bad request');
  }
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const body = await collect(request, maxBytes);
  if (body !== undefined) return body;
  throw new Refusal(413, `Request body is too large, the limit is ${maxBytes} bytes`);
}

function send(response: ServerResponse, answer: RegistryResponse, isPretty = false): void {
  const { status, json, text, bytes, index, headers = {} } = answer;
  if (response.destroyed) return;
  if (index !== undefined) {
    response.setHeader('x-consul-index', String(Math.max(1, index)));
    response.setHeader('x-consul-knownleader', 'true');
    response.setHeader('x-consul-lastcontact', '0');
    response.setHeader('x-consul-effective-consistency', 'leader');
    response.setHeader('x-consul-query-backend', 'blocking-query');
  }
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (json !== undefined) response.setHeader('content-type', 'application/json');
  else if (text !== undefined || bytes !== undefined)
    response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.statusCode = status;
  response.end(
    json === undefined ? (bytes ?? text ?? '') : JSON.stringify(json, undefined, isPretty ? 4 : 0),
  );
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collect, isPlatformError, redactedJson, toError } from '@flotilla/kernel';
import { type ApiRequest, handleApi } from '../api/routes.ts';
import type { ConsoleDeps } from '../deps.ts';
import { consoleError, statusOf } from '../errors.ts';
import { checkHost, checkOrigin, cookieName, cookieOf } from './admission.ts';
import { NO_PAGES, readPage } from './pages.ts';
import { SESSION_MS, type Tickets } from './tickets.ts';

export interface ConsoleServerOptions {
  readonly deps: ConsoleDeps;
  readonly tickets: Tickets;
  /** Where the pages were built. */
  readonly pages: string;
  readonly onError: (error: Error, path: string) => void;
}

export interface ConsoleServer {
  /** Resolves with its address. */
  listen(port: number): Promise<string>;
  close(): Promise<void>;
}

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};
const MOST_BODY_BYTES = 262_144;

/** On 127.0.0.1 alone. Everything but the pages themselves needs a session. */
export function createConsoleServer(options: ConsoleServerOptions): ConsoleServer {
  let port = 0;
  const server = createServer((request, response) => {
    serve(options, port, request, response).catch((thrown: unknown) => {
      const error = toError(thrown);
      const code = isPlatformError(error) ? error.code : 'CONSOLE_UNAVAILABLE';
      const isOurs = code.startsWith('CONSOLE_') && isPlatformError(error);
      if (!isOurs) options.onError(error, request.url ?? '');
      const message =
        isOurs || code.startsWith('CLI_') ? error.message : 'something that it needs does not answer';
      sendJson(response, isOurs ? statusOf(code) : 503, { code, message });
    });
  });
  return {
    listen: async (wanted) => {
      server.listen({ host: '127.0.0.1', port: wanted });
      await once(server, 'listening');
      port = (server.address() as AddressInfo).port;
      return `http://127.0.0.1:${port}`;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(
  { deps, tickets, pages }: ConsoleServerOptions,
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  checkHost(request.headers, port);
  const url = new URL(request.url ?? '/', 'http://console');
  const { pathname: path } = url;
  const isChange = request.method === 'POST';
  if (isChange) checkOrigin(request.headers);
  else if (request.method !== 'GET' && request.method !== 'HEAD')
    throw consoleError('CONSOLE_BAD_REQUEST', 'only GET and POST');
  if (path === '/health/live' || path === '/health/ready') return sendJson(response, 200, { status: 'ok' });
  if (!path.startsWith('/api/')) return await servePage(pages, path, response);
  const body = isChange ? await readJson(request) : {};
  const nowMs = deps.now();
  if (path === '/api/login' && isChange) {
    const role = tickets.redeemLogin(String(body['token'] ?? ''), nowMs);
    if (role === undefined) throw consoleError('CONSOLE_SIGN_IN', USED);
    setSession(response, port, tickets.issueSession(role, nowMs), SESSION_MS / 1_000);
    return sendJson(response, 200, { operator: deps.operator, role });
  }
  const role = tickets.roleOf(cookieOf(request.headers, port), nowMs);
  if (role === undefined) throw consoleError('CONSOLE_SIGN_IN', NOBODY);
  if (path === '/api/logout' && isChange) {
    setSession(response, port, '', 0);
    return sendJson(response, 200, {});
  }
  const segments = path.slice('/api/'.length).split('/').map(decodeURIComponent);
  const call: ApiRequest = { method: isChange ? 'POST' : 'GET', segments, query: url.searchParams, body };
  sendJson(response, 200, await handleApi({ ...deps, role }, call));
}

const USED = 'this link was used, or is too old: `flotilla console` makes another';
const NOBODY = 'nobody is signed in: open the link of the banner, or of `flotilla console`';

async function servePage(pages: string, path: string, response: ServerResponse): Promise<void> {
  const { body, type, isImmutable } = (await readPage(pages, path)) ?? NO_PAGES;
  const caching = isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache';
  response.writeHead(200, { ...HEADERS, 'content-type': type, 'cache-control': caching }).end(body);
}

function setSession(response: ServerResponse, port: number, value: string, maxAgeSeconds: number): void {
  response.setHeader(
    'set-cookie',
    `${cookieName(port)}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}`,
  );
}

async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const body = await collect(request, MOST_BODY_BYTES);
  if (body === undefined) throw consoleError('CONSOLE_BAD_REQUEST', 'the body is too large');
  try {
    const value: unknown = JSON.parse(body.toString());
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Said below, without what was sent.
  }
  throw consoleError('CONSOLE_BAD_REQUEST', 'the body must be a JSON object');
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { ...HEADERS, 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(redactedJson(value));
}

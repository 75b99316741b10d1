import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { accept, type Result, reject } from '@flotilla/kernel';
import { createAcl, type Identify, type RegistryToken } from './acl.ts';
import { createWaiters } from './blocking.ts';
import { createCatalog } from './catalog.ts';
import { type RegistryAnswer, type RegistryRoute, registryRoutes } from './routes.ts';

export interface RegistryOptions {
  /** Loopback only unless you know better: everybody who reaches it may read. Default `127.0.0.1`. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Who may write, and what. Absent: everybody everything, as a Consul without ACLs. */
  readonly tokens?: readonly RegistryToken[];
}

export interface Registry {
  readonly url: string;
  /** For whoever hosts it and knows that an instance has ended. */
  deregister(id: string): void;
  /** Answers all held requests, then stops. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;
const EXPIRE_EVERY_MS = 250;
const REAP_EVERY_MS = 30_000;

/**
 * The embedded registry: the part of Consul's HTTP API that discovery needs, in memory. It forgets everything
 * when it ends; `register` announces its instances again.
 */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { host = '127.0.0.1', port } = options;
  const nowMs = () => Date.now();
  const waiters = createWaiters(Math.random);
  const catalog = createCatalog(nowMs(), waiters.changed);
  const routes = registryRoutes({ catalog, waiters, nowMs });
  const identify = createAcl(options.tokens);
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    serve(routes, identify, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const timers = [
    setInterval(() => catalog.expire(nowMs()), EXPIRE_EVERY_MS).unref(),
    setInterval(() => catalog.reap(nowMs()), REAP_EVERY_MS).unref(),
  ];
  const address = server.address();
  const listeningPort = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host}:${listeningPort}`,
    deregister: catalog.deregister,
    close: async () => {
      timers.forEach(clearInterval);
      const closed = once(server, 'close');
      server.close();
      waiters.releaseAll();
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 1_000).unref();
      await closed;
    },
  };
}

async function serve(
  routes: readonly RegistryRoute[],
  identify: Identify,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = new URL(request.url ?? '/', 'http://registry');
  const found = routes.filter(({ path }) => matches(path, target.pathname));
  const route = found.find(({ method }) => method === request.method);
  if (route === undefined) {
    request.resume();
    refuse(response, request.method ?? '', found);
    return;
  }
  const caller = identify(request.headers);
  if (!caller.ok) {
    request.resume();
    send(response, { status: 403, text: caller.rejection });
    return;
  }
  const argument = decodeArgument(target.pathname.slice(route.path.length));
  const text = await readBody(request);
  if (argument === undefined || text === undefined) {
    response.setHeader('connection', 'close');
    send(response, { status: text === undefined ? 413 : 400, text: 'Bad request' });
    return;
  }
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const query = target.searchParams;
  const body = () => parseJson(text);
  send(response, await route.answer({ argument, query, body, signal: gone.signal, caller: caller.value }));
}

function matches(path: string, pathname: string): boolean {
  return path.endsWith('/') ? pathname.startsWith(path) && pathname !== path : pathname === path;
}

function refuse(response: ServerResponse, method: string, found: readonly RegistryRoute[]): void {
  if (found.length === 0) {
    send(response, { status: 404, text: 'Invalid URL path: not a recognized HTTP API endpoint' });
    return;
  }
  response.setHeader('allow', found.map((route) => route.method).join(','));
  send(response, { status: 405, text: `method ${method} not allowed` });
}

function decodeArgument(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined; // the caller answers 400
  }
}

/** `undefined` when the body is larger than the limit. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length; // no encoding is set, so chunks are buffers
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): Result<unknown, string> {
  if (text === '') return accept(undefined);
  try {
    return accept(JSON.parse(text) as unknown);
  } catch {
    return reject('the body is not JSON');
  }
}

function send(response: ServerResponse, { status, json, text, index }: RegistryAnswer): void {
  if (index !== undefined) {
    response.setHeader('x-consul-index', String(Math.max(1, index)));
    response.setHeader('x-consul-knownleader', 'true');
    response.setHeader('x-consul-lastcontact', '0');
    response.setHeader('x-consul-effective-consistency', 'leader');
  }
  if (json !== undefined) response.setHeader('content-type', 'application/json');
  else if (text !== undefined) response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.statusCode = status;
  response.end(json === undefined ? (text ?? '') : JSON.stringify(json));
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { collect, toError } from '@flotilla/kernel';
import { hostInUrl } from '@flotilla/kernel/addresses';
import type { Logger } from '@flotilla/telemetry';
import { type AdminRequest, operate } from './admin-operations.ts';
import { type AdminReply, problem, UNAUTHORIZED } from './admin-reply.ts';
import type { AdminTarget } from './admin-target.ts';
import { assertAdminToken, createTokenCheck } from './admin-token.ts';

export interface AdminListenerOptions {
  /** At least 16 characters of printable ASCII. `newAdminToken` makes one. */
  readonly token: string;
  /** Default 127.0.0.1: the token travels in clear. */
  readonly host?: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly gateway: AdminTarget;
  readonly logger: Logger;
}

export interface AdminListener {
  listen(): Promise<{ readonly url: string; readonly port: number }>;
  close(): Promise<void>;
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);
const MAX_BODY_BYTES = 65_536;
const MAX_CONNECTIONS = 64;

/**
 * Shows and changes the running gateway, on a port of its own. Every path needs `Authorization: Bearer <token>`.
 * Throws `RangeError` when the token is too weak.
 */
export function createAdminListener(options: AdminListenerOptions): AdminListener {
  const { token, host = '127.0.0.1', port, logger } = options;
  assertAdminToken(token);
  const isAuthorized = createTokenCheck(token);
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
    answer(request, options, isAuthorized).then(
      (reply) => send(response, reply),
      (error: unknown) => {
        logger.error({ path: request.url, err: toError(error) }, 'an admin request failed');
        send(response, problem(500, 'internal-error'));
      },
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  if (!LOOPBACK.has(host)) logger.warn({ host }, 'the admin API can be reached from other machines');

  return {
    listen: async () => {
      server.listen(port, host);
      await once(server, 'listening');
      const listening = portOf(server);
      return { url: `http://${hostInUrl(host)}:${listening}`, port: listening };
    },
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the admin API does not listen');
  return address.port;
}

async function answer(
  request: IncomingMessage,
  { gateway, logger }: AdminListenerOptions,
  isAuthorized: (authorization: string | undefined) => boolean,
): Promise<AdminReply> {
  if (!isAuthorized(request.headers.authorization)) {
    logger.warn({ peer: request.socket.remoteAddress }, 'the admin API refused a request without its token');
    return UNAUTHORIZED;
  }
  const path = pathOf(request.url ?? '/');
  if (path === undefined) return problem(400, 'malformed-path');
  const body = await bodyOf(request);
  if (body === 'too-large') return problem(413, 'body-too-large');
  if (body === 'malformed') return problem(400, 'malformed-json');
  const { method = 'GET' } = request;
  const { headers } = request;
  const asked: AdminRequest = { method, path, body: body.value, headers, actor: actorOf(request) };
  return await operate(asked, { gateway, logger });
}

function pathOf(url: string): readonly string[] | undefined {
  const [path = ''] = url.split('?');
  try {
    return path.replace(/^\//, '').split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

async function bodyOf(
  request: IncomingMessage,
): Promise<{ readonly value: unknown } | 'too-large' | 'malformed'> {
  const body = await collect(request, MAX_BODY_BYTES);
  if (body === undefined) return 'too-large';
  if (body.length === 0) return { value: undefined };
  try {
    return { value: JSON.parse(body.toString()) };
  } catch {
    return 'malformed';
  }
}

/** The token says that somebody may; who it was they say themselves. */
function actorOf({ headers }: IncomingMessage): string {
  const named = headers['x-operator'];
  return typeof named === 'string' && /^[\x20-\x7e]{1,64}$/.test(named) ? named : 'unnamed';
}

function send(response: ServerResponse, { status, contentType, body, headers }: AdminReply): void {
  response.writeHead(status, {
    'content-type': contentType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 413 && { connection: 'close' }),
    ...headers,
  });
  response.end(body);
}

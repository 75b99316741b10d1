import { createServer, STATUS_CODES } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { PROBLEM_CONTENT_TYPE } from '@flotilla/kernel';
import { hostInUrl } from '@flotilla/kernel/addresses';
import { type Logger, newTrace } from '@flotilla/telemetry';
import type { FastifyInstance } from 'fastify';
import { replyJson } from '../contract/problem.ts';
import { type ProblemReply, problem } from '../contract/reply.ts';
import { httpError } from '../errors.ts';
import type { InFlight } from './in-flight.ts';

/**
 * For this long an idle connection is left open after the last new one was refused: a client that is just about to
 * use it gets a response with `Connection: close` instead of a reset, which it could not safely repeat.
 */
const LINGER_MS = 300;

interface ListenerOptions {
  readonly app: FastifyInstance;
  readonly inFlight: InFlight;
  readonly logger: Logger;
  readonly drainTimeoutMs: number;
}

interface Listener {
  listen(host: string, port: number): Promise<{ url: string; port: number }>;
  close(): Promise<void>;
}

/** The socket side of a host: limits on slow clients, and an end that loses no request. */
export function createListener({ app, inFlight, logger, drainTimeoutMs }: ListenerOptions): Listener {
  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 1_000,
      // Longer than any client of ours keeps an idle connection, so that it is the client who closes it.
      keepAliveTimeout: 72_000,
    },
    app.routing,
  );
  server.on('clientError', answerBrokenRequest);
  let accepting = false;

  async function drain(): Promise<void> {
    // Not `http.Server.close`, which at once cuts idle connections on which a request may be arriving.
    const ended = new Promise<'ended'>((resolve) => {
      NetServer.prototype.close.call(server, () => resolve('ended'));
    });
    const end = performance.now() + drainTimeoutMs;
    let pauseMs = Math.min(LINGER_MS, drainTimeoutMs);
    while ((await Promise.race([ended, delay(pauseMs)])) !== 'ended') {
      if (performance.now() >= end) {
        logger.warn({ drainTimeoutMs }, 'requests were cut because they did not end in time');
        inFlight.abortAll(httpError('HTTP_CLIENT_GONE', 'the host was closed'));
        server.closeAllConnections();
      } else server.closeIdleConnections();
      pauseMs = 20;
    }
  }

  return {
    listen: async (host, port) => {
      await app.ready();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      accepting = true;
      const address = server.address() as AddressInfo; // a TCP server that listens always has one
      return { url: `http://${hostInUrl(address.address)}:${address.port}`, port: address.port };
    },
    close: async () => {
      if (accepting) await drain();
      server.close(() => undefined); // stops the timer that looks for slow requests
    },
  };
}

const BROKEN: Readonly<Record<string, ProblemReply>> = {
  HPE_HEADER_OVERFLOW: problem(431, 'headers-too-large'),
  ERR_HTTP_REQUEST_TIMEOUT: problem(408, 'request-timeout'),
};

/** What never became a request has no route and no hooks: it is answered on the socket. */
function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const reply = BROKEN[error.code ?? ''] ?? problem(400, 'malformed-request');
  const { traceId } = newTrace();
  const body = replyJson(reply, traceId);
  socket.end(
    `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}\r\ncontent-type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `x-request-id: ${traceId}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

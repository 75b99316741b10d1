import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { VerifyToken } from '@flotilla/auth';
import type { Resolver } from '@flotilla/discovery';
import { type Clock, systemClock, toError } from '@flotilla/kernel';
import { type Logger, type Metrics, runInContext } from '@flotilla/telemetry';
import { answerBrokenRequest } from './broken-request.ts';
import { type ClientConnections, createClientConnections } from './client-connections.ts';
import type { GatewayConfig, RouteConfig } from './config/gateway-config.ts';
import { createConnections } from './connections.ts';
import { createEndpoints } from './endpoints.ts';
import { createExchange, discardBody, type Exchange, refuse } from './exchange.ts';
import { createGatewayMetrics, type GatewayMetrics } from './gateway-metrics.ts';
import { handle, type RouteState, type Runtime } from './pipeline.ts';
import { createRateLimiter } from './rate-limiter.ts';
import { EXPECTATION_FAILED } from './refusal.ts';
import { readRequestHead } from './request-head.ts';
import { createResponseCache } from './response-cache.ts';
import { createRouteTable } from './route-table.ts';

export interface GatewayOptions {
  readonly config: GatewayConfig;
  /** Finds the instances of routes with `ServiceName`. The caller closes it. */
  readonly resolver: Resolver;
  /** Verifies tokens of routes with the provider `Bearer`. */
  readonly verifyToken: VerifyToken;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  /** How long `close` waits for requests in flight before it cuts them. Default 10,000 ms. */
  readonly drainTimeoutMs?: number;
}

export interface Gateway {
  /** Port 0 takes any free one. */
  listen(address: {
    readonly host: string;
    readonly port: number;
  }): Promise<{ readonly url: string; readonly port: number }>;
  /** Takes no new connections, lets requests in flight end, then closes all. */
  close(): Promise<void>;
}

const SERVER_OPTIONS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 20_000,
  insecureHTTPParser: false,
};

/** A gateway for a validated configuration. It serves nothing of its own: no health, no metrics on this port. */
export function createGateway(options: GatewayOptions): Gateway {
  const { logger, drainTimeoutMs = 10_000 } = options;
  const metrics = createGatewayMetrics(options.metrics);
  const { runtime, close } = createRuntime(options, metrics);
  const clients = createClientConnections();
  const draining = new AbortController();

  const serve = (continuation: 'expects-continue' | 'expects-nothing') => {
    return (request: IncomingMessage, response: ServerResponse) => {
      if (!clients.accept(request.socket, response)) return;
      if (draining.signal.aborted) response.shouldKeepAlive = false;
      const exchange = createExchange(request, response, continuation);
      metrics.observe(exchange);
      runInContext({ trace: exchange.trace }, () => run(exchange, { runtime, clients, logger }));
    };
  };
  const server = createServer(SERVER_OPTIONS, serve('expects-nothing'));
  server.maxHeadersCount = 0; // counted by the gateway: Node would drop the rest in silence
  server.on('checkContinue', serve('expects-continue'));
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    if (!clients.accept(request.socket, response)) return;
    clients.distrust(request.socket);
    refuse(createExchange(request, response, 'expects-nothing'), EXPECTATION_FAILED);
  });
  server.on('clientError', (error, socket) => answerBrokenRequest(error, socket, clients));

  return {
    listen: async ({ host, port }) => {
      server.listen(port, host);
      await once(server, 'listening');
      const address = server.address();
      const listening = typeof address === 'object' && address !== null ? address.port : port;
      return { url: `http://${host.includes(':') ? `[${host}]` : host}:${listening}`, port: listening };
    },
    close: async () => {
      draining.abort();
      if (server.listening) await drain(server, drainTimeoutMs);
      await close();
    },
  };
}

interface Serving {
  readonly runtime: Runtime;
  readonly clients: ClientConnections;
  readonly logger: Logger;
}

/** The boundary: whatever went wrong, the client gets an answer and the process lives. */
function run(exchange: Exchange, { runtime, clients, logger }: Serving): void {
  const head = readRequestHead(exchange.request);
  if (!head.ok) {
    // At once: the parser may hand over what is behind this request before any promise is settled.
    if (head.rejection.closes) clients.distrust(exchange.request.socket);
    refuse(exchange, head.rejection);
    return;
  }
  handle(exchange, head.value, runtime)
    .then((refusal) => {
      if (refusal !== undefined) refuse(exchange, refusal);
      else discardBody(exchange.request);
    })
    .catch((error: unknown) => {
      logger.error({ route: exchange.route, err: toError(error) }, 'the request could not be handled');
      refuse(exchange, { status: 500, code: 'internal-error' });
    });
}

function createRuntime(
  { config, resolver, verifyToken, logger, clock = systemClock }: GatewayOptions,
  metrics: GatewayMetrics,
): { readonly runtime: Runtime; readonly close: () => Promise<void> } {
  const connections = createConnections(() => performance.now());
  const states = new Map<RouteConfig, RouteState>();
  for (const route of config.routes) {
    const limiter = route.rateLimit && createRateLimiter(route.rateLimit);
    states.set(route, { endpoints: createEndpoints(route, resolver), limiter });
  }
  const stateOf = (route: RouteConfig) => {
    const state = states.get(route);
    if (state === undefined) throw new RangeError(`route ${route.name} is not part of this configuration`);
    return state;
  };
  const runtime: Runtime = {
    routes: createRouteTable(config),
    stateOf,
    cache: createResponseCache(),
    verifyToken,
    clock,
    forwarding: { connections, clock, logger, countRetry: metrics.countRetry },
    countCache: metrics.countCache,
    countInvalidToken: metrics.countInvalidToken,
  };
  return { runtime, close: connections.close };
}

async function drain(server: Server, timeoutMs: number): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const cut = setTimeout(() => server.closeAllConnections(), timeoutMs);
  await closed;
  clearTimeout(cut);
}

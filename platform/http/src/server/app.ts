import type { ServerResponse } from 'node:http';
import { isPlatformError, PROBLEM_CONTENT_TYPE, toError } from '@flotilla/kernel';
import { DRAINING_FIELD } from '@flotilla/resilience';
import { httpServerDuration, methodLabel, routeLabel } from '@flotilla/telemetry';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Refusal, replyTo } from '../contract/problem.ts';
import { problem } from '../contract/reply.ts';
import { type Exchange, openExchange } from './exchange.ts';
import type { HttpHostOptions, RawTools } from './host-options.ts';
import type { InFlight } from './in-flight.ts';
import { acceptJsonBodies } from './json-body.ts';
import type { Load } from './load.ts';
import { marksOf } from './marks.ts';
import { addOperations, OPERATION_PATHS } from './operations.ts';
import { sendProblem } from './response.ts';
import { addRoute, refuseOtherMethods } from './route-server.ts';
import { recordServerSpan } from './server-span.ts';

interface AppOptions extends Omit<HttpHostOptions, 'load'> {
  readonly version: string;
  readonly bodyLimitBytes: number;
  readonly requestTimeoutMs: number;
  readonly inFlight: InFlight;
  readonly load: Load | undefined;
}

/** Fastify with our hooks, errors and routes. It is never told to listen: the listener owns the socket. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { inFlight, rawRoutes, handlers } = options;
  const exchangeOf = createExchangeOf(options);

  function fail(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const exchange = exchangeOf(request, reply.raw);
    const response = replyTo(error, exchange.remainingMs());
    if (response.status >= 500) report(error, response.status, request.method, exchange);
    reply.headers(marksOf(error, options.service));
    sendProblem(reply, response, exchange.context.trace.traceId);
  }

  function report(error: unknown, status: number, method: string, exchange: Exchange): void {
    const { traceId, spanId } = exchange.context.trace;
    const { route } = exchange;
    const fields = { method, route, status, err: toError(error), trace_id: traceId, span_id: spanId };
    if (hasGone(exchange)) options.logger.debug(fields, 'the client left before its response');
    else if (status === 500) options.logger.error(fields, 'request failed');
    else options.logger.warn(fields, 'request could not be served');
  }

  const app = Fastify({
    logger: false,
    bodyLimit: options.bodyLimitBytes,
    routerOptions: { maxParamLength: 500 },
    frameworkErrors: fail,
    ...(options.alsoBelow !== undefined && { rewriteUrl: withoutPrefix(options.alsoBelow) }),
  });
  acceptJsonBodies(app);
  app.addHook('onRequest', (request, reply, done) => {
    const exchange = exchangeOf(request, reply.raw);
    if (!request.is404) exchange.route = routeLabel(request.routeOptions.url ?? exchange.route);
    reply.header('x-request-id', exchange.context.trace.traceId);
    reply.header('x-content-type-options', 'nosniff');
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // Fastify adds a charset, which JSON has no use for; the gateway's own problems have none either.
    if (isProblem(reply)) reply.header('content-type', PROBLEM_CONTENT_TYPE);
    if (inFlight.draining) reply.headers({ connection: 'close', [DRAINING_FIELD]: '1' });
    done();
  });
  app.setErrorHandler(fail);
  app.setNotFoundHandler((request, reply) => fail(new Refusal(problem(404, 'not-found')), request, reply));
  addOperations(app, { ...options, routes: handlers.map(({ route }) => route), exchangeOf });
  for (const handler of handlers)
    addRoute(app, handler, { verifyToken: options.verifyToken, exchangeOf, load: options.load, inFlight });
  refuseOtherMethods(app, methodsByPath(options));
  if (rawRoutes) {
    const tools: RawTools = {
      inRequest: (request, work) => {
        const exchange = inFlight.of(request.raw);
        if (exchange === undefined) throw new TypeError('the request is not one of this host');
        return exchange.run(() => work(exchange.signal));
      },
      onDraining: inFlight.onDraining,
    };
    app.register((scope, _options, done) => {
      Promise.resolve(rawRoutes(scope, tools)).then(() => done(), done);
    });
  }
  return app;
}

function isProblem(reply: FastifyReply): boolean {
  return String(reply.getHeader('content-type')).startsWith(PROBLEM_CONTENT_TYPE);
}

/** Decided on the bytes that came: nothing is decoded before the router does it. */
function withoutPrefix(prefix: string): (request: { readonly url?: string | undefined }) => string {
  return ({ url = '/' }) => (url.startsWith(`${prefix}/`) ? url.slice(prefix.length) : url);
}

/** nginx's status for a client that did not wait. */
const CLIENT_GONE = 499;

const OPERATIONS: ReadonlySet<string> = new Set(OPERATION_PATHS);

/** Opens an exchange for a request at first sight, and measures it to its end. */
function createExchangeOf({ inFlight, metrics, requestTimeoutMs }: AppOptions) {
  const durations = httpServerDuration(metrics);
  return (request: FastifyRequest, response: ServerResponse): Exchange => {
    const known = inFlight.of(request.raw);
    if (known) return known;
    const exchange = openExchange(request.raw, response, { requestTimeoutMs });
    inFlight.add(request.raw, response, exchange);
    response.once('close', () => {
      // Of those who run it, probes and scrapes: in a quiet service they would be all there is.
      if (OPERATIONS.has(exchange.route)) return;
      const method = methodLabel(request.method);
      const status = response.writableFinished ? response.statusCode : CLIENT_GONE;
      const durationMs = performance.now() - exchange.startedAt;
      const labels = {
        http_request_method: method,
        http_route: exchange.route,
        http_response_status_code: String(status),
      };
      durations.observe(durationMs / 1000, labels, exchange.context.trace);
      recordServerSpan(exchange, { method, url: request.url, status, durationMs });
    });
    return exchange;
  };
}

function hasGone({ signal }: Exchange): boolean {
  return isPlatformError(signal.reason) && signal.reason.code === 'HTTP_CLIENT_GONE';
}

function methodsByPath({ handlers }: AppOptions): Map<string, Set<string>> {
  const paths = new Map<string, Set<string>>(OPERATION_PATHS.map((path) => [path, new Set(['GET'])]));
  for (const { route } of handlers) {
    const known = paths.get(route.path) ?? new Set();
    paths.set(route.path, known.add(route.method));
  }
  return paths;
}

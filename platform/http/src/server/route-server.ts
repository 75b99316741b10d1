import type { ServerResponse } from 'node:http';
import type { VerifyToken } from '@flotilla/auth';
import { lowerPriority } from '@flotilla/resilience';
import { runInContext } from '@flotilla/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../contract/problem.ts';
import { problem } from '../contract/reply.ts';
import { httpError } from '../errors.ts';
import { createAuthentication } from './authentication.ts';
import { clientAddressOf } from './client-address.ts';
import type { Exchange } from './exchange.ts';
import type { RouteHandler } from './handler.ts';
import type { InFlight } from './in-flight.ts';
import type { Load, Place } from './load.ts';
import { OVERLOADED } from './marks.ts';
import { createPartsReader } from './request-parts.ts';
import { createResponseWriter, sendProblem } from './response.ts';

export type ExchangeOf = (request: FastifyRequest, response: ServerResponse) => Exchange;

interface RouteServerOptions {
  readonly verifyToken: VerifyToken | undefined;
  readonly exchangeOf: ExchangeOf;
  readonly load: Load | undefined;
  readonly inFlight: Pick<InFlight, 'onDraining'>;
}

const DRAINING = httpError('HTTP_CLIENT_GONE', 'the host drains: streams end');

/** Serves one route: shed and authenticate before the body is read, validate, run in the request's context, answer. */
export function addRoute(
  app: FastifyInstance,
  { route, run }: RouteHandler,
  options: RouteServerOptions,
): void {
  const { exchangeOf, verifyToken } = options;
  const authenticate = createAuthentication(route, verifyToken);
  const readParts = createPartsReader(route);
  const write = createResponseWriter(route);
  const places = new WeakMap<Exchange, Place>();
  const { priority: own = 'normal', waits = false } = route;
  const { load } = options;

  /** `false` = it has been refused. */
  function admit(exchange: Exchange, reply: FastifyReply): boolean {
    const priority = lowerPriority(own, exchange.context.priority);
    if (priority !== (exchange.context.priority ?? 'normal'))
      exchange.context = { ...exchange.context, priority };
    if (load === undefined) return true;
    if (!load.admits(priority)) {
      sendProblem(reply, OVERLOADED, exchange.context.trace.traceId);
      return false;
    }
    const place = load.enter(reply.raw, waits);
    if (place !== undefined) places.set(exchange, place);
    return true;
  }

  const prove =
    (by: NonNullable<typeof authenticate>) => async (request: FastifyRequest, reply: FastifyReply) => {
      const exchange = exchangeOf(request, reply.raw);
      exchange.admit(await exchange.run(() => by(request.raw)));
    };

  app.route({
    method: route.method,
    url: route.path,
    onRequest: [
      (request, reply, done) => {
        if (admit(exchangeOf(request, reply.raw), reply)) done();
      },
      ...(authenticate ? [prove(authenticate)] : []),
    ],
    handler: async (request, reply) => {
      const exchange = exchangeOf(request, reply.raw);
      const parts = readParts(request);
      const serve = () =>
        run({
          ...parts,
          principal: exchange.principal,
          signal: exchange.signal,
          clientAddress: clientAddressOf(request.raw),
        });
      const place = places.get(exchange);
      const response = await exchange.run(() => (place === undefined ? serve() : place.run(serve)));
      if ('stream' in response) {
        const forget = options.inFlight.onDraining(() => exchange.abort(DRAINING));
        reply.raw.once('close', forget);
      }
      const sent =
        'stream' in response ? { ...response, stream: inContextOf(exchange, response.stream) } : response;
      write(reply, sent, exchange.context.trace.traceId);
      return reply;
    },
  });
}

/** Who reads a stream does so after the request's own work: each step of it is still done in the caller's name and trace, without a deadline. */
function inContextOf({ context }: Exchange, stream: AsyncIterable<string>): AsyncIterable<string> {
  const { deadlineAt: _over, ...lasting } = context;
  return {
    [Symbol.asyncIterator]: () => {
      const steps = stream[Symbol.asyncIterator]();
      return {
        next: () => runInContext(lasting, () => steps.next()),
        return: async () => {
          await steps.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** Known paths answer the methods they do not have with 405 and `Allow`. */
export function refuseOtherMethods(
  app: FastifyInstance,
  paths: ReadonlyMap<string, ReadonlySet<string>>,
): void {
  for (const [path, known] of paths) {
    const allow = [...known].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
    const refusal = new Refusal({ ...problem(405, 'method-not-allowed'), headers: { allow } });
    app.route({
      method: METHODS.filter((method) => !known.has(method)),
      url: path,
      onRequest: async () => {
        throw refusal;
      },
      handler: () => undefined,
    });
  }
}

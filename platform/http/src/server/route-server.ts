import type { ServerResponse } from 'node:http';
import type { VerifyToken } from '@flotilla/auth';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from '../contract/problem.ts';
import { problem } from '../contract/reply.ts';
import { createAnswerWriter } from './answer.ts';
import { createAuthentication } from './authentication.ts';
import { clientAddressOf } from './client-address.ts';
import type { Exchange } from './exchange.ts';
import type { RouteHandler } from './handler.ts';
import { createPartsReader } from './request-parts.ts';

export type ExchangeOf = (request: FastifyRequest, response: ServerResponse) => Exchange;

interface RouteServerOptions {
  readonly verifyToken: VerifyToken | undefined;
  readonly exchangeOf: ExchangeOf;
}

/** Serves one route: authenticate before the body is read, validate, run in the request's context, answer. */
export function addRoute(
  app: FastifyInstance,
  { route, run }: RouteHandler,
  options: RouteServerOptions,
): void {
  const { exchangeOf, verifyToken } = options;
  const authenticate = createAuthentication(route, verifyToken);
  const readParts = createPartsReader(route);
  const write = createAnswerWriter(route);
  app.route({
    method: route.method,
    url: route.path,
    ...(authenticate && {
      onRequest: async (request, reply) => {
        const exchange = exchangeOf(request, reply.raw);
        exchange.principal = await exchange.run(() => authenticate(request.raw));
      },
    }),
    handler: async (request, reply) => {
      const exchange = exchangeOf(request, reply.raw);
      const parts = readParts(request);
      const answer = await exchange.run(() =>
        run({
          ...parts,
          principal: exchange.principal,
          signal: exchange.signal,
          clientAddress: clientAddressOf(request.raw),
        }),
      );
      write(reply, answer, exchange.context.trace.traceId);
      return reply;
    },
  });
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

import { Readable } from 'node:stream';
import { PROBLEM_CONTENT_TYPE } from '@flotilla/kernel';
import type { FastifyReply } from 'fastify';
import { replyJson } from '../contract/problem.ts';
import { createProjection } from '../contract/projection.ts';
import type { ProblemReply } from '../contract/reply.ts';
import type { Route } from '../contract/route.ts';
import type { AnyReply } from './handler.ts';

export function sendProblem(reply: FastifyReply, response: ProblemReply, traceId: string): void {
  reply
    .code(response.status)
    .headers({ 'x-request-id': traceId, 'cache-control': 'no-store', ...response.headers })
    .type(PROBLEM_CONTENT_TYPE)
    .send(replyJson(response, traceId));
}

/** Makes the writer of one route's responses: only declared statuses, only declared properties. */
export function createResponseWriter(
  route: Route,
): (reply: FastifyReply, response: AnyReply, traceId: string) => void {
  const projections = new Map(
    Object.entries(route.responses).map(([status, schema]) => [
      Number(status),
      schema && createProjection(schema),
    ]),
  );
  // A response for one caller must not be kept where another could be given it.
  const defaults = route.access === 'public' ? {} : { 'cache-control': 'no-store' };
  return (reply, response, traceId) => {
    if ('problem' in response) return sendProblem(reply, response, traceId);
    const project = projections.get(response.status);
    if ('stream' in response) {
      if (route.produces === undefined || project === undefined)
        throw new TypeError(`${route.method} ${route.path} does not declare a stream`);
      reply
        .code(response.status)
        .headers({ ...defaults, ...response.headers })
        .type(route.produces);
      return void reply.send(Readable.from(response.stream, { objectMode: false }));
    }
    if (project === undefined)
      throw new TypeError(`${route.method} ${route.path} does not declare its response ${response.status}`);
    reply.code(response.status).headers({ ...defaults, ...response.headers });
    if (project === null) reply.send();
    else if (route.produces !== undefined) reply.type(`${route.produces}; charset=utf-8`).send(response.body);
    else reply.type('application/json; charset=utf-8').send(JSON.stringify(project(response.body)));
  };
}

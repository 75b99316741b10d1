import { Readable } from 'node:stream';
import { PROBLEM_CONTENT_TYPE } from '@flotilla/kernel';
import type { FastifyReply } from 'fastify';
import { replyJson } from '../contract/problem.ts';
import { createProjection } from '../contract/projection.ts';
import type { ProblemReply } from '../contract/reply.ts';
import type { Route } from '../contract/route.ts';
import type { AnyReply } from './handler.ts';

export function sendProblem(reply: FastifyReply, answer: ProblemReply, traceId: string): void {
  reply
    .code(answer.status)
    .headers({ 'x-request-id': traceId, 'cache-control': 'no-store', ...answer.headers })
    .type(PROBLEM_CONTENT_TYPE)
    .send(replyJson(answer, traceId));
}

/** Makes the writer of one route's answers: only declared statuses, only declared properties. */
export function createAnswerWriter(
  route: Route,
): (reply: FastifyReply, answer: AnyReply, traceId: string) => void {
  const projections = new Map(
    Object.entries(route.responses).map(([status, schema]) => [
      Number(status),
      schema && createProjection(schema),
    ]),
  );
  // An answer for one caller must not be kept where another could be given it.
  const defaults = route.access === 'public' ? {} : { 'cache-control': 'no-store' };
  return (reply, answer, traceId) => {
    if ('problem' in answer) return sendProblem(reply, answer, traceId);
    const project = projections.get(answer.status);
    if ('stream' in answer) {
      if (route.produces === undefined || project === undefined)
        throw new TypeError(`${route.method} ${route.path} does not declare a stream`);
      reply
        .code(answer.status)
        .headers({ ...defaults, ...answer.headers })
        .type(route.produces);
      return void reply.send(Readable.from(answer.stream, { objectMode: false }));
    }
    if (project === undefined)
      throw new TypeError(`${route.method} ${route.path} does not declare its answer ${answer.status}`);
    reply.code(answer.status).headers({ ...defaults, ...answer.headers });
    if (project === null) reply.send();
    else if (route.produces !== undefined) reply.type(`${route.produces}; charset=utf-8`).send(answer.body);
    else reply.type('application/json; charset=utf-8').send(JSON.stringify(project(answer.body)));
  };
}

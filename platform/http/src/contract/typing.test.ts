import { test } from 'node:test';
import { authenticated } from '@flotilla/auth';
import * as s from '@flotilla/kernel/schema';
import { handle } from '../server/handler.ts';
import { accepted, created, noContent, ok, problem } from './reply.ts';
import { defineRoute } from './route.ts';

const thing = s.object({ id: s.string(), state: s.oneOf(['new', 'old']), note: s.optional(s.string()) });

const put = defineRoute({
  method: 'PUT',
  path: '/things/:id',
  summary: 'x',
  access: authenticated,
  params: s.object({ id: s.string() }),
  body: s.object({ count: s.integer() }),
  responses: { 200: thing, 201: thing, 204: null },
});

const list = defineRoute({
  method: 'GET',
  path: '/things',
  summary: 'x',
  access: 'public',
  query: s.object({ limit: s.optional(s.integer()) }),
  responses: { 200: s.object({ items: s.array(thing) }) },
});

test('handlers see the types of their route', () => {
  handle(put, async ({ params, body, principal, query }) => {
    const nothing: undefined = query;
    if (nothing !== undefined) return noContent();
    if (body.count > 1) return created({ id: params.id, state: 'new' }, { location: '/' });
    if (body.count > 2) return problem(409, 'too-many');
    return ok({ id: principal.subject, state: 'old', note: 'x' });
  });
  handle(list, async ({ query, principal }) => {
    const nobody: undefined = principal;
    // @ts-expect-error a public route has no principal
    if (nobody !== undefined) principal.subject;
    return ok({ items: [{ id: String(query.limit ?? 1), state: 'new' }] });
  });
  // @ts-expect-error 202 is not declared
  handle(list, async () => accepted({ items: [] }));
  // @ts-expect-error the body of 200 has items
  handle(list, async () => ok({ things: [] }));
});

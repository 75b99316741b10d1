import { allOf, authenticated, calledBy, requireScope } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { orderId, timestamp } from './common.ts';

/**
 * What becomes of a person's data. The user service asks each service that has some by the same two routes, one of which
 * shows them and one of which erases them; each may be asked again and does what is left to do.
 */

const forUserService = allOf(calledBy('user'), requireScope('people.write'));
const byUser = s.object({ userId: s.string({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9_-]+$' }) });
const service = s.string({ examples: ['order'] });

/** Whose data it is, in the words of services that do not know people by their id. */
const person = s.object({
  email: s.optional(s.string({ maxLength: 254, 'x-pii': true })),
  orderIds: s.array(orderId, { maxItems: 500 }),
});

const orderIds = s.optional(s.array(orderId, { description: 'Orders of the person, from who knows them.' }));

export const exportPerson = defineRoute({
  operationId: 'exportPerson',
  method: 'POST',
  path: '/internal/people/:userId/export',
  priority: 'sheddable',
  idempotent: true,
  summary: 'What a service knows of a person, a page at a time',
  access: forUserService,
  params: byUser,
  query: s.object({ cursor: s.optional(s.string({ maxLength: 200 })) }),
  body: person,
  responses: {
    200: s.object({ data: s.record(s.anything()), orderIds, next: s.nullable(s.string()) }),
  },
});

const kept = s.array(
  s.object({
    what: s.string({ examples: ['what was sold, for how much'] }),
    why: s.string({ examples: ['accounts are kept for years by law'] }),
  }),
);

export const erasePerson = defineRoute({
  operationId: 'erasePerson',
  method: 'POST',
  path: '/internal/people/:userId/erase',
  idempotent: true,
  summary: 'Erase what a service knows of a person, and say what has to stay and why',
  access: forUserService,
  params: byUser,
  body: person,
  responses: {
    200: s.object({ erased: s.array(s.string()), kept, orderIds }),
    202: s.object({ waitsFor: s.string({ description: 'Ask again: orders-open.' }) }),
    422: s.object({ reason: s.string({ description: 'last-administrator' }) }),
  },
});

const location = s.object({
  Location: s.string({ format: 'uri-reference', description: 'Where to follow it.' }),
});

const exportSchema = s.named(
  'PersonExport',
  s.object({
    id: s.string(),
    status: s.oneOf(['running', 'ready', 'failed']),
    requestedAt: timestamp,
    data: s.optional(
      s.record(s.record(s.anything()), { description: 'By service, as soon as it is ready.' }),
    ),
  }),
);

export const exportMe = defineRoute({
  operationId: 'exportMe',
  method: 'POST',
  path: '/me/export',
  summary: 'Collect what the shop knows of the caller; while that runs, asking again is the same request',
  access: authenticated,
  responses: { 202: exportSchema },
  responseHeaders: { 202: location },
  problems: { 404: { codes: ['not-found'] } },
});

export const getExport = defineRoute({
  operationId: 'getExport',
  method: 'GET',
  path: '/me/exports/:id',
  summary: 'What was collected of the caller; kept for a week',
  access: authenticated,
  params: s.object({ id: s.string({ minLength: 1, maxLength: 64 }) }),
  responses: { 200: exportSchema },
  problems: { 404: { codes: ['export-not-found'] } },
});

const erasureSchema = s.named(
  'Erasure',
  s.object({
    id: s.string(),
    status: s.oneOf(['running', 'done', 'refused']),
    reason: s.optional(s.string({ description: 'Why it was refused: last-administrator.' })),
    requestedAt: timestamp,
    endedAt: s.nullable(timestamp),
    services: s.array(s.object({ service, erased: s.array(s.string()), kept })),
  }),
);

export const eraseMe = defineRoute({
  operationId: 'eraseMe',
  method: 'DELETE',
  path: '/me',
  idempotent: true,
  summary: "Erase the caller's account and data; asking again is the same request",
  access: authenticated,
  responses: { 202: erasureSchema },
  responseHeaders: { 202: location },
  problems: { 404: { codes: ['not-found'] } },
});

/** Public, since nobody has a token any more who was erased: its id is the key, and nothing in it says who they were. */
export const getErasure = defineRoute({
  operationId: 'getErasure',
  method: 'GET',
  path: '/erasures/:id',
  summary: 'How far an erasure has come: what was erased, what has to stay and why',
  access: 'public',
  params: s.object({ id: s.string({ pattern: '^[A-Za-z0-9_-]{43}$' }) }),
  responses: { 200: erasureSchema },
  problems: { 404: { codes: ['erasure-not-found'] } },
});

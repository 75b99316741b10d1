import { accepted, handle, ok, problem, type RouteHandler } from '@flotilla/http';
import * as contract from '@shop/contracts';
import { profileOf } from '../domain/profile.ts';
import type { Erasure } from './erasure-store.ts';
import type { PersonExport } from './export-store.ts';
import { type RequestDeps, requestErasure, requestExport } from './requests.ts';

const NOT_STORED = { 'cache-control': 'no-store' };
const NOBODY = problem(404, 'not-found', 'There is no person behind this token.');

/** How people get what is known of them, and have it erased. */
export function peopleRoutes(deps: RequestDeps): readonly RouteHandler[] {
  return [
    handle(contract.exportMe, async ({ principal }) => {
      const person = profileOf(principal);
      if (!person) return NOBODY;
      const request = await requestExport(deps, person);
      return accepted(showExport(request), { ...NOT_STORED, location: `/me/exports/${request.id}` });
    }),
    handle(contract.getExport, async ({ principal, params }) => {
      const found = await deps.exports.find(params.id, principal.subject);
      return found
        ? ok(showExport(found), NOT_STORED)
        : problem(404, 'export-not-found', 'Nothing like that was collected for you.');
    }),
    handle(contract.eraseMe, async ({ principal }) => {
      const person = profileOf(principal);
      if (!person) return NOBODY;
      const erasure = await requestErasure(deps, person);
      return accepted(showErasure(erasure), { ...NOT_STORED, location: `/erasures/${erasure.id}` });
    }),
    handle(contract.getErasure, async ({ params }) => {
      const found = await deps.erasures.find(params.id);
      return found
        ? ok(showErasure(found), NOT_STORED)
        : problem(404, 'erasure-not-found', 'Nobody asked for that.');
    }),
  ];
}

function showExport({ id, status, requestedAt, data }: PersonExport) {
  return { id, status, requestedAt: requestedAt.toISOString(), ...(status === 'ready' && { data }) };
}

function showErasure({ id, status, reason, requestedAt, endedAt, services }: Erasure) {
  return {
    ...{ id, status, services },
    ...(reason !== null && { reason }),
    requestedAt: requestedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}

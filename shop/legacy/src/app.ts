import { created, handle, ok, problem, type RouteHandler } from '@flotilla/http';
import type { Clock } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import * as contract from '@shop/contracts';
import { answerOf, numberOf, recordOf } from './order-rows.ts';
import * as orders from './orders.ts';
import { peopleRoutes } from './people.ts';

export interface LegacyDeps {
  readonly db: Database;
  readonly clock: Clock;
}

const NOT_FOUND = problem(404, 'order-not-found', 'There is no such order.');
const WORDS = {
  'too-late': 'The order has been sent already.',
  'order-moved': 'The order service decides about this order now: ask there.',
  'intake-closed': 'Orders are taken by the order service now.',
  'out-of-stock': 'There is not enough of it.',
} as const;

/** All of the monolith: what customers see, what the order service moves away, and what becomes of a person's data. */
export function createLegacyHandlers({ db, clock }: LegacyDeps): readonly RouteHandler[] {
  return [
    handle(contract.getLegacyOrder, async ({ params, principal }) => {
      const found = await orders.find(db, numberOf(params.id), principal.subject);
      return found ? ok(answerOf(found)) : NOT_FOUND;
    }),

    handle(contract.placeLegacyOrder, async ({ body, principal }) => {
      const { subject: accountId, name = null, email = null } = principal;
      const placed = await orders.place(db, { accountId, name, email }, body.items, clock.now());
      if (placed.ok) return created(answerOf(placed.value));
      if (placed.rejection === 'unknown-product')
        return problem(422, placed.rejection, 'An article does not exist.');
      return problem(409, placed.rejection, WORDS[placed.rejection]);
    }),

    handle(contract.cancelLegacyOrder, async ({ params, principal }) => {
      const cancelled = await orders.cancel(db, numberOf(params.id), principal.subject, clock.now());
      if (cancelled.ok) return ok(answerOf(cancelled.value));
      if (cancelled.rejection === 'not-found') return NOT_FOUND;
      return problem(409, cancelled.rejection, WORDS[cancelled.rejection]);
    }),

    handle(contract.listLegacyRecords, async ({ query }) => {
      const rows = await orders.list(db, query.after ?? 0, query.isLeft ?? false);
      return ok({ items: rows.map(recordOf) });
    }),

    handle(contract.getLegacyRecord, async ({ params }) => {
      const found = await orders.find(db, params.number);
      return found ? ok(recordOf(found)) : NOT_FOUND;
    }),

    handle(contract.handOverLegacyOrder, async ({ params, body }) => {
      const outcome = await orders.handOver(db, params.number, body.version, clock.now());
      if (outcome === 'not-found') return NOT_FOUND;
      if (outcome === 'version-changed') return { status: 409, body: { code: outcome } };
      return ok({ version: body.version });
    }),

    handle(contract.settleLegacyCancellation, async ({ params, body }) => {
      const settled = await orders.settle(db, params.number, new Date(body.at), body.reason);
      if (settled.ok) return ok({ version: settled.value });
      if (settled.rejection === 'not-found') return NOT_FOUND;
      return problem(409, settled.rejection, 'The order is still decided here.');
    }),

    handle(contract.setLegacyIntake, async ({ body }) => {
      await orders.setIntake(db, body.isOpen);
      return ok(body);
    }),
    ...peopleRoutes(db),
  ];
}

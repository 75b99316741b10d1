import { handle, ok, type RouteHandler } from '@flotilla/http';
import type { Database } from '@flotilla/postgres';
import { erasePerson, exportPerson } from '@shop/contracts';

const EXPORT = `
  SELECT coalesce(json_agg(json_build_object('orderId', p.order_id, 'status', p.status, 'amountMinor', p.amount_minor,
    'currency', p.currency, 'at', p.created_at) ORDER BY p.created_at), '[]') AS payments
  FROM payment p WHERE p.customer_id = $1`;

const PAYMENTS = {
  what: 'payments and their ledger: amounts, times, references of the provider',
  why: 'accounts are kept for years by law; they name an id that means nothing any more',
};

/**
 * What payment knows of a person, for the user service. Nothing in it says who they were: no name, no address, and the
 * means of payment is forgotten as soon as it has been used.
 */
export function peopleRoutes(db: Database): readonly RouteHandler[] {
  return [
    handle(exportPerson, async ({ params: { userId } }) => {
      const [row] = await db.query<{ payments: unknown }>(EXPORT, [userId]);
      return ok({ data: { payments: row?.payments }, next: null });
    }),
    handle(erasePerson, async () => ok({ erased: [], kept: [PAYMENTS] })),
  ];
}

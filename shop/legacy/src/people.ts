import { handle, ok, type RouteHandler } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { erasePerson, exportPerson } from '@shop/contracts';

const EXPORT = `
  SELECT c.name, c.email, coalesce(json_agg(json_build_object('number', o.no, 'state', o.state, 'sum', o.sum,
    'placedOn', o.placed_on) ORDER BY o.no) FILTER (WHERE o.no IS NOT NULL), '[]') AS orders
  FROM customers c LEFT JOIN orders o ON o.customer_no = c.no WHERE c.account_id = $1 GROUP BY c.no`;

const ACCOUNTS = {
  what: 'orders of the shop before: what was sold, when, for how much',
  why: 'accounts are kept for years by law; they name an id that means nothing any more',
};

/** What the monolith knows of a person, for the user service. */
export function peopleRoutes(db: Database): readonly RouteHandler[] {
  return [
    handle(exportPerson, async ({ params: { userId } }) => {
      const [data] = await db.query<Record<string, unknown>>(EXPORT, [userId]);
      return ok({ data: data ?? {}, next: null });
    }),
    handle(erasePerson, async ({ params: { userId } }) => {
      crashPoint('legacy.before-erase-person');
      await db.query('UPDATE customers SET name = NULL, email = NULL WHERE account_id = $1', [userId]);
      crashPoint('legacy.after-erase-person');
      return ok({ erased: ['name and e-mail address of a customer'], kept: [ACCOUNTS] });
    }),
  ];
}

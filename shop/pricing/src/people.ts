import { handle, ok, type RouteHandler } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { erasePerson, exportPerson } from '@shop/contracts';

const EXPORT = `
  SELECT (SELECT coalesce(json_agg(json_build_object('request', q.request, 'expiresAt', q.expires_at)), '[]')
      FROM (SELECT * FROM quote WHERE customer_id = $1 ORDER BY expires_at DESC LIMIT 500) q) AS quotes,
    (SELECT coalesce(json_agg(json_build_object('coupon', r.code, 'orderId', r.order_id, 'state', r.state, 'at', r.at)), '[]')
      FROM redemption r WHERE r.customer_id = $1) AS coupons`;

/** What pricing knows of a person, for the user service. */
export function peopleRoutes(db: Database): readonly RouteHandler[] {
  return [
    handle(exportPerson, async ({ params: { userId } }) => {
      const [row] = await db.query<{ quotes: unknown; coupons: unknown }>(EXPORT, [userId]);
      return ok({ data: { quotes: row?.quotes, coupons: row?.coupons }, next: null });
    }),
    handle(erasePerson, async ({ params: { userId } }) => {
      crashPoint('pricing.before-erase-person');
      await db.query('DELETE FROM quote WHERE customer_id = $1', [userId]);
      crashPoint('pricing.after-erase-person');
      const coupons = {
        what: 'which coupons were used for which orders',
        why: 'what was given away is part of the accounts; they name an id that means nothing any more',
      };
      return ok({ erased: ['quotes'], kept: [coupons] });
    }),
  ];
}

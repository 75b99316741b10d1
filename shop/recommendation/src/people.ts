import { handle, ok, type RouteHandler } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { erasePerson, exportPerson } from '@shop/contracts';

const EXPORT = `
  SELECT (SELECT coalesce(json_agg(json_build_object('productId', v.product_id, 'at', v.viewed_at)), '[]')
      FROM viewed v WHERE v.customer_id = $1) AS viewed,
    (SELECT coalesce(json_agg(json_build_object('productId', o.product_id, 'at', o.bought_at)), '[]')
      FROM owned o JOIN shopper s ON s.alias = o.shopper
      WHERE s.customer_id = $1 AND o.generation = (SELECT active FROM projection WHERE name = 'also_bought')) AS bought`;

/** Without the alias nobody can say whose purchases in the log those were; the row stays, so that no new one is made. */
const ERASE = `
  WITH views AS (DELETE FROM viewed WHERE customer_id = $1)
  INSERT INTO shopper (customer_id, alias) VALUES ($1, NULL) ON CONFLICT (customer_id) DO UPDATE SET alias = NULL`;

const PURCHASES = {
  what: 'what was bought together',
  why: 'it names nobody: which customer it was is known no more',
};

/** What recommendation knows of a person, for the user service. */
export function peopleRoutes(db: Database): readonly RouteHandler[] {
  return [
    handle(exportPerson, async ({ params: { userId } }) => {
      const [row] = await db.query<{ viewed: unknown; bought: unknown }>(EXPORT, [userId]);
      return ok({ data: { viewed: row?.viewed, bought: row?.bought }, next: null });
    }),
    handle(erasePerson, async ({ params: { userId } }) => {
      crashPoint('recommendation.before-erase-person');
      await db.query(ERASE, [userId]);
      crashPoint('recommendation.after-erase-person');
      return ok({ erased: ['what was looked at', 'who it was that bought'], kept: [PURCHASES] });
    }),
  ];
}

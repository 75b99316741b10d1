import { handle, ok, type RouteHandler } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { erasePerson, exportPerson } from '@shop/contracts';

const EXPORT = `
  SELECT (SELECT coalesce(json_agg(json_build_object('productId', i.product_id, 'quantity', i.quantity)), '[]')
      FROM cart_item i WHERE i.customer_id = $1) AS cart,
    (SELECT coalesce(json_agg(json_build_object('items', c.items, 'state', c.state, 'at', c.created_at)), '[]')
      FROM checkout c WHERE c.customer_id = $1) AS checkouts`;

const ERASE = `
  WITH items AS (DELETE FROM cart_item WHERE customer_id = $1),
    checkouts AS (DELETE FROM checkout WHERE customer_id = $1)
  DELETE FROM cart WHERE customer_id = $1`;

/** What the cart knows of a person, for the user service. */
export function peopleRoutes(db: Database): readonly RouteHandler[] {
  return [
    handle(exportPerson, async ({ params: { userId } }) => {
      const [row] = await db.query<{ cart: unknown; checkouts: unknown }>(EXPORT, [userId]);
      return ok({ data: { cart: row?.cart, checkouts: row?.checkouts }, next: null });
    }),
    handle(erasePerson, async ({ params: { userId } }) => {
      crashPoint('cart.before-erase-person');
      await db.query(ERASE, [userId]);
      crashPoint('cart.after-erase-person');
      return ok({ erased: ['cart', 'checkouts'], kept: [] });
    }),
  ];
}

import { handle, ok, type RouteHandler } from '@flotilla/http';
import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { erasePerson, exportPerson } from '@shop/contracts';

const EXPORT = `
  SELECT coalesce(json_agg(json_build_object('orderId', s.order_id, 'status', s.status, 'address', s.address,
    'trackingNumber', s.tracking_number, 'at', s.created_at) ORDER BY s.created_at), '[]') AS shipments
  FROM shipment s WHERE s.order_id = ANY ($1::text[])`;

/** The country stays: it says how much is sent where, and nobody's name. */
const ERASE = `
  UPDATE shipment SET address = jsonb_build_object('name', 'erased', 'line1', 'erased', 'city', 'erased',
    'postalCode', 'erased', 'country', address->'country')
  WHERE order_id = ANY ($1::text[])`;

const SHIPMENTS = {
  what: 'shipments: numbers, items and country',
  why: 'they prove that what was paid for was sent',
};

/** What shipping knows of a person, for the user service: by orders, since it knows nobody otherwise. */
export function peopleRoutes(db: Database): readonly RouteHandler[] {
  return [
    handle(exportPerson, async ({ body: { orderIds } }) => {
      const [row] = await db.query<{ shipments: unknown }>(EXPORT, [orderIds]);
      return ok({ data: { shipments: row?.shipments }, next: null });
    }),
    handle(erasePerson, async ({ body: { orderIds } }) => {
      crashPoint('shipping.before-erase-person');
      await db.query(ERASE, [orderIds]);
      crashPoint('shipping.after-erase-person');
      return ok({ erased: ['names and addresses of shipments'], kept: [SHIPMENTS] });
    }),
  ];
}

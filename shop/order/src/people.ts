import { accepted, handle, ok, type RouteHandler } from '@flotilla/http';
import { crashPoint, isUuid } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import { erasePerson, exportPerson } from '@shop/contracts';

const PAGE = 100;

const EXPORT = `
  SELECT id, json_build_object('id', id, 'status', status, 'name', customer_name, 'email', customer_email, 'items', lines,
    'currency', currency, 'totalMinor', total_minor, 'shippingAddress', shipping_address, 'createdAt', created_at) AS "order"
  FROM order_view WHERE customer_id = $1 AND id > $2::uuid ORDER BY id LIMIT ${PAGE}`;

/** Of the shop before: few, so all of them are on the first page. */
const MOVED = `
  SELECT coalesce(json_agg(content || jsonb_build_object('id', 'legacy-' || number) ORDER BY number), '[]') AS orders
  FROM moved_order WHERE customer_id = $1`;

const FIRST = '00000000-0000-0000-0000-000000000000';

const ORDERS = `
  SELECT id::text, status IN ('Confirmed', 'Cancelled') AS has_ended FROM order_view WHERE customer_id = $1 ORDER BY id`;

/** What is left of an address: the country, by which taxes are owed. */
const addressOf = (column: string) => `
  jsonb_build_object('name', 'erased', 'line1', 'erased', 'city', 'erased', 'postalCode', 'erased', 'country', ${column}->'country')`;

/** The events stay what they were but for who it was: no rule and no read model looks at that. */
const ERASE_EVENTS = `
  UPDATE event SET data = (data #- '{customer,email}' #- '{customer,name}')
    || jsonb_build_object('shippingAddress', ${addressOf("data->'shippingAddress'")})
  WHERE stream_id = ANY (SELECT 'order-' || id FROM unnest($1::text[]) AS id) AND type = 'order-placed'`;

const ERASE_VIEW = `
  UPDATE order_view_row SET customer_email = NULL, customer_name = NULL,
    shipping_address = ${addressOf('shipping_address')}
  WHERE id = ANY ($1::uuid[])`;

const ERASE_SAGAS = `
  UPDATE saga_instance SET data = ((data - 'paymentToken') #- '{customer,email}' #- '{customer,name}')
    || jsonb_build_object('shippingAddress', ${addressOf("data->'shippingAddress'")})
  WHERE id = ANY ($1::uuid[]) AND ended_at IS NOT NULL`;

const ACCOUNTS = {
  what: 'orders: what was sold, when, for how much, to which country',
  why: 'accounts are kept for years by law; they name an id that means nothing any more',
};

/** What the order service knows of a person, for the user service. */
export function peopleRoutes(db: Database): readonly RouteHandler[] {
  return [
    handle(exportPerson, async ({ params: { userId }, query: { cursor = FIRST } }) => {
      const after = isUuid(cursor) ? cursor : FIRST;
      const rows = await db.query<{ id: string; order: unknown }>(EXPORT, [userId, after]);
      const next = rows.length === PAGE ? (rows.at(-1)?.id ?? null) : null;
      const orderIds = rows.map(({ id }) => id);
      const [moved] = after === FIRST ? await db.query<{ orders: unknown }>(MOVED, [userId]) : [];
      const data = { orders: rows.map(({ order }) => order), ...(moved && { movedOrders: moved.orders }) };
      return ok({ data, orderIds, next });
    }),
    handle(erasePerson, async ({ params: { userId } }) => {
      crashPoint('order.before-erase-person');
      const erased = await db.transaction((tx) => erase(tx, userId));
      crashPoint('order.after-erase-person');
      if (erased === 'orders-open') return accepted({ waitsFor: erased });
      return ok({ erased: ['names, addresses and keys of orders'], kept: [ACCOUNTS], orderIds: erased });
    }),
  ];
}

/** Whoever still waits for an order needs the address: an order that runs is waited for. */
async function erase(tx: Transaction, userId: string): Promise<readonly string[] | 'orders-open'> {
  const orders = await tx.query<{ id: string; has_ended: boolean }>(ORDERS, [userId]);
  if (orders.some((order) => !order.has_ended)) return 'orders-open';
  const ids = orders.map(({ id }) => id);
  await tx.query(ERASE_EVENTS, [ids]);
  await tx.query(ERASE_VIEW, [ids]);
  await tx.query(ERASE_SAGAS, [ids]);
  await tx.query('DELETE FROM idempotency_key WHERE customer_id = $1', [userId]);
  return ids;
}

import { bySql, type Invariant } from './invariant.ts';

/** Orders that run by events: `order_process` says what their participants have reported. */
export const choreography: readonly Invariant[] = [
  bySql({
    id: 'C1',
    what: 'no order that runs by events is unfinished',
    holds: 'at-rest',
    database: 'order',
    sql: `
      SELECT order_id, stage, reports, reason, updated_at FROM order_process
      WHERE stage NOT IN ('confirmed', 'cancelled')`,
  }),
  bySql({
    id: 'C2',
    what: 'an order that runs by events and its process end together, and alike',
    holds: 'always',
    database: 'order',
    sql: `
      SELECT p.order_id, o.status AS order_status, p.stage FROM order_process p LEFT JOIN order_view o ON o.id = p.order_id
      WHERE o.id IS NULL OR (o.status = 'Confirmed') <> (p.stage = 'confirmed') OR (o.status = 'Cancelled') <> (p.stage = 'cancelled')
        OR o.cancellation_reason IS DISTINCT FROM CASE WHEN p.stage = 'cancelled' THEN p.reason END`,
  }),
  bySql({
    id: 'C3',
    what: 'an order is cancelled by events only when everybody has said that they gave back',
    holds: 'always',
    database: 'order',
    sql: `
      SELECT order_id, reports FROM order_process
      WHERE stage = 'cancelled' AND (NOT reports @> ARRAY['released', 'refunded']
        OR has_coupon AND NOT 'unredeemed' = ANY (reports))`,
  }),
  bySql({
    id: 'C4',
    what: 'an order is shipped by events only when it is paid, taken from the stock and its coupon used, and nothing is given back then',
    holds: 'always',
    database: 'order',
    sql: `
      SELECT order_id, stage, reports FROM order_process
      WHERE (stage IN ('shipping', 'confirmed') AND NOT reports @> ARRAY['reserved', 'paid', 'taken'])
        OR (stage IN ('shipping', 'confirmed') AND has_coupon AND NOT 'redeemed' = ANY (reports))
        OR (stage IN ('shipping', 'confirmed') AND reports && ARRAY['released', 'refunded'])
        OR ((stage = 'confirmed') <> ('shipped' = ANY (reports)))`,
  }),
  bySql({
    id: 'C5',
    what: 'an order is led by a saga or by events, never by both',
    holds: 'always',
    database: 'order',
    sql: 'SELECT p.order_id FROM order_process p JOIN saga_instance s ON s.id = p.order_id',
  }),
  bySql({
    id: 'C6',
    what: 'no charge waits for an order that has ended, and no means of payment is kept',
    holds: 'at-rest',
    database: 'payment',
    sql: `
      SELECT order_id, stock_reserved, created_at FROM charge_request
      UNION ALL
      SELECT order_id, NULL, updated_at FROM payment WHERE provider_token IS NOT NULL`,
  }),
];

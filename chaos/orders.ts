import { bySql, type Invariant, reconcile, toMap } from './invariant.ts';

/** How an order must stand when its saga has ended so. */
const END_OF_SAGA: Readonly<Record<string, string>> = {
  completed: 'Confirmed',
  compensated: 'Cancelled',
  cancelled: 'Cancelled',
};

export const orders: readonly Invariant[] = [
  bySql({
    id: 'O1',
    what: 'every accepted order has ended',
    holds: 'at-rest',
    database: 'order',
    sql: "SELECT id AS order_id, status, updated_at FROM order_view WHERE status NOT IN ('Confirmed', 'Cancelled')",
  }),
  bySql({
    id: 'O2',
    what: 'orders move by legal transitions only, one version at a time',
    holds: 'always',
    database: 'order',
    sql: `
      SELECT step.stream_id, step.version, step.before, step.type FROM (
        SELECT stream_id, version, type,
          lag(type) OVER way AS before, lag(version) OVER way AS version_before
        FROM event WHERE category = 'order' WINDOW way AS (PARTITION BY stream_id ORDER BY version)) AS step
      WHERE step.version <> COALESCE(step.version_before, 0) + 1
        OR (COALESCE(step.before, ''), step.type) NOT IN (
          ('', 'order-placed'), ('order-placed', 'inventory-reserved'), ('inventory-reserved', 'payment-processed'),
          ('payment-processed', 'order-confirmed'), ('order-placed', 'order-cancelled'),
          ('inventory-reserved', 'order-cancelled'), ('payment-processed', 'order-cancelled'))
      UNION ALL
      SELECT COALESCE(s.stream_id, e.stream_id), s.version, NULL, NULL
      FROM (SELECT * FROM event_stream WHERE category = 'order') s
        FULL JOIN (SELECT stream_id, count(*) AS events FROM event WHERE category = 'order' GROUP BY 1) e
          ON e.stream_id = s.stream_id
      WHERE s.version IS DISTINCT FROM e.events`,
  }),
  bySql({
    id: 'O3a',
    what: 'a failed saga undid each started step that can be undone, exactly once',
    holds: 'at-rest',
    database: 'order',
    sql: `
      SELECT s.id AS saga_id, d.step, d.status, count(u.step)::int AS undone
      FROM saga_instance s JOIN saga_step d ON d.saga_id = s.id AND d.kind = 'do' AND d.status IN ('done', 'unknown')
        LEFT JOIN saga_step u ON u.saga_id = s.id AND u.step = d.step AND u.kind = 'undo' AND u.status = 'done'
      WHERE s.status IN ('compensated', 'cancelled') AND d.step IN ('reserve-stock', 'charge-payment')
      GROUP BY s.id, d.step, d.status HAVING count(u.step) <> 1`,
  }),
  bySql({
    id: 'O3b',
    what: 'a saga undoes in reverse order',
    holds: 'at-rest',
    database: 'order',
    sql: `
      SELECT a.saga_id, a.step AS first, b.step AS second
      FROM saga_step a JOIN saga_step b ON b.saga_id = a.saga_id AND b.kind = 'undo' AND b.seq > a.seq
        JOIN saga_step da ON da.saga_id = a.saga_id AND da.step = a.step AND da.kind = 'do'
        JOIN saga_step db ON db.saga_id = b.saga_id AND db.step = b.step AND db.kind = 'do'
      WHERE a.kind = 'undo' AND da.seq < db.seq`,
  }),
  bySql({
    id: 'O3c',
    what: 'nothing is undone once an order has been shipped',
    holds: 'always',
    database: 'order',
    sql: `
      SELECT u.saga_id, u.step FROM saga_step u
      WHERE u.kind = 'undo' AND EXISTS (
        SELECT FROM saga_step p WHERE p.saga_id = u.saga_id AND p.step = 'create-shipment'
          AND p.kind = 'do' AND p.status = 'done')`,
  }),
  bySql({
    id: 'O4a',
    what: 'no saga is unfinished, and no step of an ended one is open',
    holds: 'at-rest',
    database: 'order',
    sql: `
      SELECT s.id AS saga_id, s.status, s.step, s.attempt, s.reason FROM saga_instance s
      WHERE s.ended_at IS NULL OR EXISTS (SELECT FROM saga_step d WHERE d.saga_id = s.id AND d.status = 'open')`,
  }),
  bySql({
    id: 'O4b',
    what: 'every order that is led by a saga has the one of its own, and both ended alike',
    holds: 'at-rest',
    database: 'order',
    sql: `
      SELECT COALESCE(o.id, s.id) AS order_id, o.status AS order_status, s.status AS saga_status
      FROM (SELECT * FROM order_view WHERE id NOT IN (SELECT order_id FROM order_process)) o FULL JOIN (SELECT * FROM saga_instance WHERE type IN ('place-order', 'place-order-with-coupon')) s ON s.id = o.id
      WHERE (o.status, s.status) IN (${Object.entries(END_OF_SAGA)
        .map(([saga, order]) => `('${order}', '${saga}')`)
        .join(', ')}) IS NOT TRUE`,
  }),
  {
    id: 'O5',
    what: 'the shipments are those of the confirmed orders, with their lines',
    holds: 'at-rest',
    needs: ['order', 'shipping'],
    find: async (system) => {
      interface Shipped {
        readonly order_id: string;
        readonly content: string;
      }
      const [confirmed, shipped] = await Promise.all([
        system.read<Shipped>(
          'order',
          `SELECT o.id AS order_id, string_agg(l.product_id || '×' || l.quantity, ' ' ORDER BY l.product_id) AS content
           FROM order_view o JOIN order_view_line l ON l.order_id = o.id WHERE o.status = 'Confirmed' GROUP BY o.id`,
        ),
        system.read<Shipped>(
          'shipping',
          `SELECT s.order_id, string_agg((i->>'productId') || '×' || (i->>'quantity'), ' ' ORDER BY i->>'productId') AS content
           FROM shipment s, jsonb_array_elements(s.items) AS i WHERE s.status = 'created' GROUP BY s.order_id`,
        ),
      ]);
      const content = (rows: readonly Shipped[]) =>
        toMap(
          rows,
          (row) => row.order_id,
          (row) => row.content,
        );
      return reconcile(
        { name: 'confirmed', values: content(confirmed) },
        { name: 'shipped', values: content(shipped) },
      );
    },
  },
  bySql({
    id: 'O6',
    what: 'an order is shipped at most once',
    holds: 'always',
    database: 'shipping',
    sql: 'SELECT order_id, count(*)::int AS shipments FROM shipment GROUP BY order_id HAVING count(*) > 1',
  }),
  bySql({
    id: 'O7',
    what: 'what is shown of an order is the sum of its events',
    holds: 'always',
    database: 'order',
    sql: `
      WITH step AS (
        SELECT substr(stream_id, length('order-') + 1)::uuid AS id, version, data,
          CASE type WHEN 'order-placed' THEN 'Pending' WHEN 'inventory-reserved' THEN 'InventoryReserved'
            WHEN 'payment-processed' THEN 'PaymentProcessed' WHEN 'order-confirmed' THEN 'Confirmed'
            WHEN 'order-cancelled' THEN 'Cancelled' END AS status
        FROM event WHERE category = 'order'),
      folded AS (
        SELECT id, count(*) AS version,
          (array_agg(data ORDER BY version))[1] AS placed,
          (array_agg(status ORDER BY version DESC))[1] AS status,
          (array_agg(data ORDER BY version DESC))[1] AS last,
          jsonb_agg(jsonb_build_object('status', status, 'at', data->'at') ORDER BY version) AS history
        FROM step GROUP BY id)
      SELECT COALESCE(v.id, f.id) AS order_id, v.status AS shown, f.status AS happened, v.version, f.version AS events
      FROM order_view v FULL JOIN folded f ON f.id = v.id
      WHERE (v.status, v.version, v.history, v.cancellation_reason, v.updated_at, v.lines, v.shipping_address,
          v.customer_id, v.customer_email, v.customer_name, v.tenant_id, v.idempotency_key,
          v.total_minor::text, v.currency, v.agreement, v.created_at)
        IS DISTINCT FROM (f.status, f.version, f.history, f.last->>'reason', (f.last->>'at')::timestamptz,
          f.placed->'lines', f.placed->'shippingAddress', f.placed->'customer'->>'id', f.placed->'customer'->>'email',
          f.placed->'customer'->>'name', f.placed->'customer'->>'tenantId', f.placed->>'idempotencyKey',
          f.placed->'total'->>'amountMinor', f.placed->'total'->>'currency', f.placed->'agreement', (f.placed->>'at')::timestamptz)`,
  }),
];

-- How far an order has come that runs by events. Its row is the lock under which the order service decides: also
-- whether the order may still be cancelled, or may be shipped.
CREATE TABLE order_process (
  order_id    uuid PRIMARY KEY,
  stage       text NOT NULL CHECK (stage IN ('open', 'shipping', 'cancelling', 'confirmed', 'cancelled')),
  -- What participants have reported so far, in the order in which it was heard.
  reports     text[] NOT NULL DEFAULT '{}'
    CHECK (reports <@ ARRAY['reserved', 'paid', 'taken', 'shipped', 'released', 'refunded']),
  -- Why the order is being cancelled, or was.
  reason      text,
  -- What later steps need to know of the order; forgotten when it has ended.
  data        jsonb,
  deadline_at timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((stage IN ('cancelling', 'cancelled')) = (reason IS NOT NULL)),
  CHECK ((stage IN ('confirmed', 'cancelled')) = (data IS NULL))
) WITH (fillfactor = 70);

CREATE INDEX order_process_due ON order_process (deadline_at) WHERE stage = 'open';

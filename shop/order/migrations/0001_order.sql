-- Orders as the API shows them. The events are the truth (tables of the event store); each row belongs to a generation
-- of the projection `order_view` and is written in the transaction of the event.
CREATE TABLE order_view_row (
  generation          integer NOT NULL,
  id                  uuid NOT NULL,
  customer_id         text NOT NULL,
  customer_email      text,
  customer_name       text,
  tenant_id           text,
  idempotency_key     text NOT NULL,
  status              text NOT NULL
    CHECK (status IN ('Pending', 'InventoryReserved', 'PaymentProcessed', 'Confirmed', 'Cancelled')),
  currency            text NOT NULL,
  total_minor         bigint NOT NULL CHECK (total_minor >= 0),
  shipping_address    jsonb NOT NULL,
  cancellation_reason text,
  -- [{ productId, name, quantity, unitPrice: { amountMinor, currency } }]
  lines               jsonb NOT NULL,
  -- [{ status, at }], oldest first
  history             jsonb NOT NULL,
  -- Of the stream: how many events it shows.
  version             integer NOT NULL DEFAULT 1,
  created_at          timestamptz NOT NULL,
  updated_at          timestamptz NOT NULL,
  PRIMARY KEY (generation, id),
  CHECK ((status = 'Cancelled') = (cancellation_reason IS NOT NULL))
) WITH (fillfactor = 70);

-- Lists are per customer, newest first; ids are UUIDv7, so they sort by time.
CREATE INDEX order_view_by_customer ON order_view_row (generation, customer_id, id DESC);

-- What readers see: the generation that is shown now.
CREATE VIEW order_view AS
  SELECT id, customer_id, customer_email, customer_name, tenant_id, idempotency_key, status, currency, total_minor,
    shipping_address, cancellation_reason, lines, history, version, created_at, updated_at
  FROM order_view_row WHERE generation = (SELECT active FROM projection WHERE name = 'order_view');

SELECT create_projection('order_view', 1, is_inline => true, of_categories => '{order}');

-- The same as rows, for reports.
CREATE VIEW order_view_line AS
  SELECT o.id AS order_id, l.number AS line_number, l.line->>'productId' AS product_id, l.line->>'name' AS name,
    (l.line->>'quantity')::integer AS quantity, (l.line->'unitPrice'->>'amountMinor')::bigint AS unit_price_minor
  FROM order_view o, jsonb_array_elements(o.lines) WITH ORDINALITY AS l (line, number);

-- One row for each key a customer used. The answer is written once and repeated to every replay.
CREATE TABLE idempotency_key (
  customer_id     text NOT NULL,
  key             text NOT NULL,
  request_hash    text NOT NULL,
  -- Its first event is written in the same transaction.
  order_id        uuid NOT NULL,
  -- NULL while the first request is still being answered; json, not jsonb: replays keep the order of fields.
  response        json,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (customer_id, key)
);
CREATE INDEX idempotency_key_by_age ON idempotency_key (created_at);

-- An order as it stands now. Its way here is in order_history; both change in one transaction.
CREATE TABLE customer_order (
  id                  uuid PRIMARY KEY,
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
  -- Counts the transitions; a writer that saw an older one changes nothing.
  version             integer NOT NULL DEFAULT 1,
  created_at          timestamptz NOT NULL,
  updated_at          timestamptz NOT NULL,
  CHECK ((status = 'Cancelled') = (cancellation_reason IS NOT NULL))
);

-- Lists are per customer, newest first; ids are UUIDv7, so they sort by time.
CREATE INDEX customer_order_by_customer ON customer_order (customer_id, id DESC);

CREATE TABLE order_line (
  order_id         uuid NOT NULL REFERENCES customer_order,
  line_number      integer NOT NULL,
  product_id       text NOT NULL,
  name             text NOT NULL,
  quantity         integer NOT NULL CHECK (quantity > 0),
  unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
  PRIMARY KEY (order_id, line_number)
);

CREATE TABLE order_history (
  order_id uuid NOT NULL REFERENCES customer_order,
  version  integer NOT NULL,
  status   text NOT NULL,
  at       timestamptz NOT NULL,
  PRIMARY KEY (order_id, version)
);

-- One row for each key a customer used. The answer is written once and repeated to every replay.
CREATE TABLE idempotency_key (
  customer_id     text NOT NULL,
  key             text NOT NULL,
  request_hash    text NOT NULL,
  order_id        uuid NOT NULL REFERENCES customer_order DEFERRABLE INITIALLY DEFERRED,
  -- NULL while the first request is still being answered; json, not jsonb: replays keep the order of fields.
  response        json,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (customer_id, key)
);
CREATE INDEX idempotency_key_by_age ON idempotency_key (created_at);

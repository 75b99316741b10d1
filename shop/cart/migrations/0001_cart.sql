-- One row per customer who ever used a cart; writers of one cart wait for each other on it.
CREATE TABLE cart (
  customer_id text PRIMARY KEY,
  updated_at  timestamptz NOT NULL
);

CREATE TABLE cart_item (
  customer_id text NOT NULL REFERENCES cart,
  product_id  text NOT NULL,
  quantity    integer NOT NULL CHECK (quantity > 0),
  added_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (customer_id, product_id)
);

-- What a customer checks out under one Idempotency-Key. Written before the order service is asked: a repeated
-- request orders the same items, and the end of the order is recognised however early it is reported.
CREATE TABLE checkout (
  customer_id     text NOT NULL,
  idempotency_key text NOT NULL,
  items           jsonb NOT NULL,
  -- refused: the order service took nothing, so the key may be used for the cart as it is then.
  state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'refused', 'confirmed', 'cancelled')),
  created_at      timestamptz NOT NULL DEFAULT now(),
  ended_at        timestamptz,
  PRIMARY KEY (customer_id, idempotency_key)
);
CREATE INDEX checkout_by_age ON checkout (created_at);

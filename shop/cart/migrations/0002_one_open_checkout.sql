-- The key an order of this checkout has at the order service, where it is not its own: that of a checkout which nobody
-- had answered, and which this one took over. Under one key there is one order, whoever asks.
ALTER TABLE checkout ADD COLUMN order_key text;
-- The order, once it is known that there is one.
ALTER TABLE checkout ADD COLUMN order_id text;
-- Until then a request of this checkout may be under way.
ALTER TABLE checkout ADD COLUMN asked_until timestamptz;

-- replaced: taken over by a later checkout of the cart.
ALTER TABLE checkout DROP CONSTRAINT checkout_state_check;
ALTER TABLE checkout ADD CONSTRAINT checkout_state_check
  CHECK (state IN ('open', 'refused', 'replaced', 'confirmed', 'cancelled'));

UPDATE checkout c SET state = 'replaced' WHERE state = 'open' AND EXISTS (
  SELECT FROM checkout later WHERE later.customer_id = c.customer_id AND later.state = 'open'
    AND (later.created_at, later.idempotency_key) > (c.created_at, c.idempotency_key));

CREATE UNIQUE INDEX checkout_one_open ON checkout (customer_id) WHERE state = 'open';
CREATE INDEX checkout_by_order_key ON checkout (customer_id, order_key) WHERE order_key IS NOT NULL;

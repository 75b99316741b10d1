-- What the price of an order was agreed on: quote, discounts, shipping, tax, coupon. NULL: that of the price list.
ALTER TABLE order_view_row ADD COLUMN agreement jsonb;

CREATE OR REPLACE VIEW order_view AS
  SELECT id, customer_id, customer_email, customer_name, tenant_id, idempotency_key, status, currency, total_minor,
    shipping_address, cancellation_reason, lines, history, version, created_at, updated_at, agreement
  FROM order_view_row WHERE generation = (SELECT active FROM projection WHERE name = 'order_view');

-- An order with a coupon also waits for that to be used, or given back.
ALTER TABLE order_process ADD COLUMN has_coupon boolean NOT NULL DEFAULT false;
ALTER TABLE order_process DROP CONSTRAINT order_process_reports_check;
ALTER TABLE order_process ADD CONSTRAINT order_process_reports_check CHECK (reports <@
  ARRAY['reserved', 'redeemed', 'paid', 'taken', 'shipped', 'released', 'unredeemed', 'refunded']);

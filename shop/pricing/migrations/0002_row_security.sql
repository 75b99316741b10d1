-- In the name of a user nobody reads or writes a quote of another, whatever a statement says or forgets. The order service, which confirms quotes,
-- calls by itself: without a user the system works. Redemptions stay open: how often a coupon was used is counted over all customers.
ALTER TABLE quote ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON quote USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || customer_id));

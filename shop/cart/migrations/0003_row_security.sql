-- In the name of a user nobody reads or writes a row of another, whatever a statement says or forgets. The setting is made by the database package
-- for each transaction of a request; without one the system itself works (subscriptions, upkeep).
ALTER TABLE cart ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON cart USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || customer_id));

ALTER TABLE cart_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON cart_item USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || customer_id));

ALTER TABLE checkout ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON checkout USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || customer_id));

-- In the name of a user nobody reads or writes a row of another, whatever a statement says or forgets. The setting is made by the database package
-- for each transaction of a request; without one the system itself works (sagas, projections, the relay, tasks).
ALTER TABLE order_view_row ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON order_view_row USING (
  coalesce(current_setting('flotilla.acting_for', true), '') = ''
  OR current_setting('flotilla.acting_for', true) = 'user:' || customer_id
    AND (tenant_id IS NULL OR tenant_id = current_setting('flotilla.tenant', true)));

ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON idempotency_key USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || customer_id));

-- As who asks, not as their owner, whom no policy holds back.
ALTER VIEW order_view SET (security_invoker = true);
ALTER VIEW order_view_line SET (security_invoker = true);

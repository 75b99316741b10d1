-- What operators did to keys, secrets and sessions, and why. Nothing deletes from it.
CREATE TABLE operator_audit (
  id      uuid PRIMARY KEY,
  at      timestamptz NOT NULL,
  by      text NOT NULL,
  reason  text NOT NULL,
  action  text NOT NULL,
  details jsonb NOT NULL
);
CREATE INDEX operator_audit_by_time ON operator_audit (at);

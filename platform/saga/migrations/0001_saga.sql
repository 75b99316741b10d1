-- One row for each running or ended process. Its timers are columns (next_attempt_at, deadline_at, lease_until):
-- an instance waits for one thing at a time.
CREATE TABLE saga_instance (
  id              uuid PRIMARY KEY,
  type            text NOT NULL,
  def_version     integer NOT NULL,
  status          text NOT NULL
                  CHECK (status IN ('running', 'compensating', 'stuck', 'completed', 'compensated', 'cancelled')),
  data            jsonb NOT NULL,
  correlation_key text,
  -- The open step; null once the saga has ended.
  step            text,
  direction       text NOT NULL DEFAULT 'do' CHECK (direction IN ('do', 'undo')),
  attempt         integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
  pivot_started   boolean NOT NULL,
  -- Why it turned around.
  reason          jsonb,
  cancel_reason   text,
  -- Counts changes: every write names the version it was computed from.
  version         integer NOT NULL DEFAULT 1,
  next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  deadline_at     timestamptz NOT NULL,
  lease_owner     text,
  lease_until     timestamptz,
  -- Counts claims: a write of an earlier holder affects no row.
  lease_epoch     integer NOT NULL DEFAULT 0,
  traceparent     text,
  started_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at        timestamptz,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CHECK ((ended_at IS NULL) = (status IN ('running', 'compensating', 'stuck'))),
  CHECK ((ended_at IS NULL) = (step IS NOT NULL)),
  CHECK (ended_at IS NULL OR lease_owner IS NULL)
  -- Room on the page for new versions of a row: a step that changes no indexed column stays off the indexes.
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX saga_instance_correlation ON saga_instance (type, correlation_key)
  WHERE correlation_key IS NOT NULL;
CREATE INDEX saga_instance_due ON saga_instance (next_attempt_at) WHERE ended_at IS NULL;
CREATE INDEX saga_instance_ended ON saga_instance (ended_at) WHERE ended_at IS NOT NULL;

-- The history: one row for each step and direction that was opened.
CREATE TABLE saga_step (
  saga_id       uuid NOT NULL REFERENCES saga_instance ON DELETE CASCADE,
  step          text NOT NULL,
  -- The member of a parallel group; '' for a step of its own.
  branch        text NOT NULL DEFAULT '',
  -- Which opening of the step this is: a later one has a command id of its own.
  epoch         integer NOT NULL DEFAULT 1,
  kind          text NOT NULL CHECK (kind IN ('do', 'undo')),
  -- `unknown`: given up before its outcome was known, and therefore undone.
  status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'rejected', 'unknown')),
  attempts      integer NOT NULL DEFAULT 0,
  command_id    uuid NOT NULL,
  request       jsonb,
  reply         jsonb,
  error_code    text,
  error_message text,
  seq           bigint GENERATED ALWAYS AS IDENTITY,
  started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at      timestamptz,
  PRIMARY KEY (saga_id, step, branch, kind, epoch)
) WITH (fillfactor = 70);

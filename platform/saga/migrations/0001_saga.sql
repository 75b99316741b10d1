-- One row for each running or ended process. It is due when the first of its open steps is (next_attempt_at).
CREATE TABLE saga_instance (
  id              uuid PRIMARY KEY,
  type            text NOT NULL,
  def_version     integer NOT NULL,
  status          text NOT NULL
                  CHECK (status IN ('running', 'compensating', 'stuck', 'completed', 'compensated', 'cancelled')),
  data            jsonb NOT NULL,
  -- The open step or parallel group; null once the saga has ended.
  step            text,
  direction       text NOT NULL DEFAULT 'do' CHECK (direction IN ('do', 'undo')),
  attempt         integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
  pivot_started   boolean NOT NULL,
  -- Why it turned around.
  reason          jsonb,
  cancel_reason   text,
  -- What a migration to another version changed: {"renamed": {new: old}, "unstarted": [step]}.
  migrated        jsonb,
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

CREATE INDEX saga_instance_due ON saga_instance (next_attempt_at) WHERE ended_at IS NULL;
CREATE INDEX saga_instance_ended ON saga_instance (ended_at) WHERE ended_at IS NOT NULL;

-- The names under which events find an instance.
CREATE TABLE saga_key (
  type    text NOT NULL,
  key     text NOT NULL,
  saga_id uuid NOT NULL REFERENCES saga_instance ON DELETE CASCADE,
  PRIMARY KEY (type, key)
);
CREATE INDEX saga_key_saga ON saga_key (saga_id);

-- The history: one row for each step, direction and command that was opened.
CREATE TABLE saga_step (
  saga_id       uuid NOT NULL REFERENCES saga_instance ON DELETE CASCADE,
  step          text NOT NULL,
  -- The member of a parallel group; '' for a step of its own.
  branch        text NOT NULL DEFAULT '',
  -- Which opening of the step this is: a later one has a command id of its own.
  epoch         integer NOT NULL DEFAULT 1,
  kind          text NOT NULL CHECK (kind IN ('do', 'undo')),
  via           text NOT NULL DEFAULT 'call' CHECK (via IN ('call', 'message', 'wait')),
  -- `unknown`: given up before its outcome was known, and therefore undone.
  status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'rejected', 'unknown')),
  -- Attempts whose end is known.
  attempts      integer NOT NULL DEFAULT 0,
  command_id    uuid NOT NULL,
  -- The timer of an open step: when a wait is over, a reply no longer awaited, or the next attempt made.
  due_at        timestamptz,
  -- Of a message: has the command of the present attempt left?
  sent          boolean NOT NULL DEFAULT false,
  -- The command as sent; of a call the digest of the data it is made with.
  request       jsonb,
  reply         jsonb,
  error_code    text,
  error_message text,
  seq           bigint GENERATED ALWAYS AS IDENTITY,
  started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at      timestamptz,
  PRIMARY KEY (saga_id, step, branch, kind, epoch)
) WITH (fillfactor = 70);

-- Finds what a reply answers. Calls stay off it.
CREATE UNIQUE INDEX saga_step_command ON saga_step (command_id) WHERE via = 'message';

-- The attempts that ended without closing their step; the one that closed it is in saga_step.
CREATE TABLE saga_attempt (
  saga_id       uuid NOT NULL REFERENCES saga_instance ON DELETE CASCADE,
  seq           bigint GENERATED ALWAYS AS IDENTITY,
  step          text NOT NULL,
  branch        text NOT NULL,
  kind          text NOT NULL,
  attempt       integer NOT NULL,
  error_code    text NOT NULL,
  error_message text NOT NULL,
  ended_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (saga_id, seq)
);

-- Replies and events that changed nothing yet or will not: `parked` until what they belong to is here, `applied`
-- events, and what was `ignored` because it came too late.
CREATE TABLE saga_message (
  message_id   uuid NOT NULL,
  -- The type of saga an event is for; '' for a reply.
  saga_type    text NOT NULL DEFAULT '',
  saga_id      uuid REFERENCES saga_instance ON DELETE CASCADE,
  state        text NOT NULL CHECK (state IN ('parked', 'applied', 'ignored')),
  note         text NOT NULL,
  -- The command a reply answers, or the correlation key of an event.
  command_id   uuid,
  key          text,
  message      jsonb NOT NULL,
  received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (message_id, saga_type)
);
CREATE INDEX saga_message_parked ON saga_message (received_at) WHERE state = 'parked';
CREATE INDEX saga_message_saga ON saga_message (saga_id) WHERE saga_id IS NOT NULL;

-- What operators ask for; an engine of the service carries it out.
CREATE TABLE saga_operation (
  id               uuid PRIMARY KEY,
  saga_id          uuid NOT NULL,
  verb             text NOT NULL,
  arguments        jsonb NOT NULL,
  operator         text NOT NULL,
  reason           text NOT NULL,
  expected_version integer,
  requested_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Null until it was carried out or refused.
  outcome          jsonb,
  settled_at       timestamptz
);
CREATE INDEX saga_operation_open ON saga_operation (requested_at) WHERE settled_at IS NULL;

-- What operators did.
CREATE TABLE saga_audit (
  saga_id  uuid NOT NULL REFERENCES saga_instance ON DELETE CASCADE,
  seq      bigint GENERATED ALWAYS AS IDENTITY,
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  operator text NOT NULL,
  verb     text NOT NULL,
  reason   text NOT NULL,
  before   jsonb NOT NULL,
  after    jsonb NOT NULL,
  PRIMARY KEY (saga_id, seq)
);

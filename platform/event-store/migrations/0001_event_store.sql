-- One row for each stream: its head. Whoever appends locks it, so the writers of a stream form a line.
CREATE TABLE event_stream (
  stream_id text PRIMARY KEY,
  category  text NOT NULL,
  version   integer NOT NULL CHECK (version > 0),
  -- The transaction that appended last. A transaction with a smaller number may not append after it.
  last_xid  xid8 NOT NULL
) WITH (fillfactor = 70);

-- The log. Feeds read it by (xid, position): position alone is given at the insert, but events become visible at the
-- commit, so a reader that remembers a position would miss whoever commits late.
CREATE TABLE event (
  stream_id      text NOT NULL,
  version        integer NOT NULL,
  category       text NOT NULL,
  xid            xid8 NOT NULL,
  position       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  type           text NOT NULL,
  schema_version integer NOT NULL,
  data           jsonb NOT NULL,
  correlation_id text,
  causation_id   text,
  traceparent    text,
  recorded_at    timestamptz NOT NULL,
  PRIMARY KEY (stream_id, version)
);
CREATE UNIQUE INDEX event_feed ON event (xid, position);
CREATE UNIQUE INDEX event_category_feed ON event (category, xid, position);

-- A shortcut for long streams, never the truth: deleting all rows loses nothing but time.
CREATE TABLE event_snapshot (
  stream_id      text PRIMARY KEY,
  version        integer NOT NULL,
  schema_version integer NOT NULL,
  state          text NOT NULL,
  -- Of the state as it is stored: a snapshot that was changed by hand or cut short is not used.
  checksum       text NOT NULL,
  taken_at       timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 70);

-- One row for each read model. `active` is the generation that readers see; NULL while the first one is being built.
CREATE TABLE projection (
  name       text PRIMARY KEY,
  -- Written in the transaction of the append, or some time later by a runner.
  inline     boolean NOT NULL,
  categories text[] NOT NULL,
  active     integer
);

-- A read model's rows carry the generation they belong to. A rebuild fills a new one beside the old.
CREATE TABLE projection_generation (
  name            text NOT NULL REFERENCES projection ON DELETE CASCADE,
  generation      integer NOT NULL,
  -- Of the definition whose code writes it.
  version         integer NOT NULL,
  state           text NOT NULL CHECK (state IN ('building', 'active', 'retired', 'dropping')),
  -- Every event up to here has been handled.
  xid             xid8 NOT NULL DEFAULT '0',
  position        bigint NOT NULL DEFAULT 0,
  -- And beyond it those that this snapshot sees: an inline generation leaves no gapless trace.
  handled         pg_snapshot,
  -- The event that could not be handled, and since when nothing more is tried.
  failed_xid      xid8,
  failed_position bigint,
  failed_event    text,
  attempts        integer NOT NULL DEFAULT 0,
  error           text,
  next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  halted_at       timestamptz,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (name, generation)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX projection_one_of_a_kind ON projection_generation (name, state) WHERE state <> 'dropping';

-- What operators asked for, kept for ever: the audit.
CREATE TABLE projection_command (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name         text NOT NULL,
  verb         text NOT NULL CHECK (verb IN ('rebuild', 'rollback', 'skip', 'resume')),
  -- Of the event an operator saw, for `skip`: another one is not skipped.
  at_position  bigint,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  status       text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'done', 'refused', 'abandoned')),
  outcome      text,
  ended_at     timestamptz,
  CHECK ((ended_at IS NULL) = (status IN ('pending', 'running')))
);
CREATE INDEX projection_command_open ON projection_command (name, id) WHERE ended_at IS NULL;

-- Appends with inline projections hold it shared until they end; a switch of generations takes it alone.
CREATE FUNCTION inline_projection_lock() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 7106204532';

-- Appends in the caller's transaction. `expected`: a version, 0 for a stream that must not exist, -1 for one that must,
-- NULL for any. Reports a conflict as an outcome, so that the transaction stays usable.
CREATE FUNCTION append_events(
  to_stream text, of_category text, expected integer, events jsonb,
  correlation text, causation text, trace text)
RETURNS TABLE (outcome text, at_version integer, at_xid xid8, positions bigint[], at_time timestamptz, targets jsonb)
LANGUAGE plpgsql AS $$
DECLARE
  added integer := jsonb_array_length(events);
  head event_stream;
  is_new boolean := false;
BEGIN
  IF expected IS DISTINCT FROM 0 THEN
    -- Waits for its turn before the transaction has a number (if nothing was written yet), so that numbers and turns agree.
    SELECT * INTO head FROM event_stream s WHERE s.stream_id = to_stream FOR UPDATE;
  END IF;
  IF head.version IS NULL AND COALESCE(expected, 0) = 0 THEN
    INSERT INTO event_stream VALUES (to_stream, of_category, added, pg_current_xact_id()) ON CONFLICT DO NOTHING;
    is_new := FOUND;
    IF NOT is_new THEN SELECT * INTO head FROM event_stream s WHERE s.stream_id = to_stream FOR UPDATE; END IF;
  END IF;
  at_version := COALESCE(head.version, 0);
  IF NOT is_new THEN
    IF (expected >= 0 AND at_version <> expected) OR (expected = -1 AND at_version = 0) THEN
      outcome := 'version-conflict';
    ELSIF head.last_xid > pg_current_xact_id() THEN
      outcome := 'order-conflict';
    END IF;
    IF outcome IS NOT NULL THEN RETURN NEXT; RETURN; END IF;
    UPDATE event_stream s SET version = at_version + added, last_xid = pg_current_xact_id() WHERE s.stream_id = to_stream;
  END IF;
  at_xid := pg_current_xact_id();
  at_time := clock_timestamp();
  WITH appended AS (
    INSERT INTO event (stream_id, version, category, xid, type, schema_version, data,
                       correlation_id, causation_id, traceparent, recorded_at)
    SELECT to_stream, at_version + e.n, of_category, at_xid, e.event->>0, (e.event->1)::integer, e.event->2,
           correlation, causation, trace, at_time
    FROM jsonb_array_elements(events) WITH ORDINALITY AS e (event, n) ORDER BY e.n
    RETURNING position)
  SELECT array_agg(a.position ORDER BY a.position) INTO positions FROM appended a;
  at_version := at_version + added;
  outcome := 'appended';
  targets := inline_targets(of_category);
  RETURN NEXT;
END $$;

-- The generations that an append must write to. Every statement in here sees what was committed before the lock was
-- granted, which the statement that called it may not.
CREATE FUNCTION inline_targets(of_category text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(inline_projection_lock());
  RETURN (
    SELECT jsonb_agg(jsonb_build_object('name', p.name, 'generation', g.generation, 'version', g.version) ORDER BY p.name)
    FROM projection p JOIN projection_generation g ON g.name = p.name AND g.generation = p.active
    WHERE p.inline AND of_category = ANY (p.categories));
END $$;

-- Declares a read model, in the migration that makes its tables. Without events it is complete at once; with events
-- its first generation is built by the service's runner, and nobody sees it before it is complete.
CREATE FUNCTION create_projection(of_name text, with_version integer, is_inline boolean, of_categories text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  is_complete boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(inline_projection_lock());
  is_complete := NOT EXISTS (SELECT FROM event e WHERE e.category = ANY (of_categories));
  INSERT INTO projection VALUES (of_name, is_inline, of_categories, CASE WHEN is_complete THEN 1 END);
  INSERT INTO projection_generation (name, generation, version, state)
    VALUES (of_name, 1, with_version, CASE WHEN is_complete THEN 'active' ELSE 'building' END);
END $$;

-- Messages that were committed and not yet confirmed by the transport. The only index on the common path is
-- the primary key: a message costs one insert and one delete, and a relay reads its shard in id order.
CREATE TABLE outbox (
  shard smallint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  message_id uuid NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  envelope text NOT NULL,
  mandatory boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempts smallint NOT NULL DEFAULT 0,
  available_at timestamptz,
  last_error text,
  PRIMARY KEY (shard, id)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

-- The few messages that wait for another attempt; each holds back the later ones of its key.
CREATE INDEX outbox_retrying ON outbox (shard, available_at) WHERE attempts > 0;

-- Messages that the transport refused for good. They hold nothing back and stay until somebody retries or discards them.
CREATE TABLE outbox_parked (
  id bigint PRIMARY KEY,
  shard smallint NOT NULL,
  message_id uuid NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  envelope text NOT NULL,
  mandatory boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL,
  attempts smallint NOT NULL,
  last_error text,
  parked_reason text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What operators did to parked messages, one row a message.
CREATE TABLE outbox_audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  action text NOT NULL CHECK (action IN ('retry', 'discard')),
  reason text NOT NULL,
  message_id uuid NOT NULL,
  type text NOT NULL,
  key text NOT NULL,
  parked_reason text NOT NULL
);

-- Messages that are to be sent later. They hold nothing back; a relay moves them to the outbox when they are due.
CREATE TABLE outbox_delayed (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  due_at timestamptz NOT NULL,
  shard smallint NOT NULL,
  message_id uuid NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  envelope text NOT NULL,
  mandatory boolean NOT NULL DEFAULT false
);
CREATE INDEX outbox_delayed_due ON outbox_delayed (due_at, id);

-- The living relays. `presence` is an advisory lock that a relay's own connection holds: when it can be taken, the
-- process is gone, and nobody has to wait for `alive_until`.
CREATE TABLE outbox_relay (
  owner uuid PRIMARY KEY,
  alive_until timestamptz NOT NULL,
  presence bigint
) WITH (fillfactor = 50);

-- Who relays which shard. `token` grows with every change of owner; writes of a former owner are refused by it.
CREATE TABLE outbox_shard (
  shard smallint PRIMARY KEY,
  owner uuid,
  token bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO outbox_shard (shard) SELECT generate_series(0, 15);

-- A sign of life of the caller; it then takes shards without a living owner, up to its fair share. Returns what it
-- holds now.
CREATE FUNCTION outbox_claim(me uuid, lease_ms integer, my_presence bigint)
RETURNS TABLE (shard smallint, token bigint, fair integer) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz := clock_timestamp();
  share integer;
  missing integer;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  INSERT INTO outbox_relay (owner, alive_until, presence)
    VALUES (me, moment + lease_ms * interval '1 millisecond', my_presence)
    ON CONFLICT (owner) DO UPDATE SET alive_until = excluded.alive_until, presence = excluded.presence;
  DELETE FROM outbox_relay d WHERE d.owner IN (
    SELECT r.owner FROM outbox_relay r
    WHERE r.owner <> me AND CASE WHEN r.alive_until < moment OR r.presence IS NULL THEN r.alive_until < moment
      ELSE pg_try_advisory_xact_lock_shared(r.presence) END
    FOR UPDATE SKIP LOCKED);
  SELECT ceil(16.0 / count(*)) INTO share FROM outbox_relay;
  SELECT share - count(*) INTO missing FROM outbox_shard s WHERE s.owner = me;
  IF missing > 0 THEN
    UPDATE outbox_shard s SET owner = me, token = s.token + 1
    WHERE s.shard = ANY (ARRAY(
      SELECT f.shard FROM outbox_shard f
      WHERE f.owner IS NULL OR NOT EXISTS (SELECT 1 FROM outbox_relay r WHERE r.owner = f.owner)
      LIMIT missing FOR UPDATE SKIP LOCKED));
  END IF;
  RETURN QUERY SELECT s.shard, s.token, share FROM outbox_shard s WHERE s.owner = me;
END $$;

-- Gives shards back, so that others need not wait for the lease to end.
CREATE FUNCTION outbox_release(me uuid, shards smallint[]) RETURNS void LANGUAGE sql AS $$
  UPDATE outbox_shard SET owner = NULL WHERE owner = me AND shard = ANY (shards);
$$;

CREATE FUNCTION outbox_leave(me uuid) RETURNS void LANGUAGE sql AS $$
  UPDATE outbox_shard SET owner = NULL WHERE owner = me;
  DELETE FROM outbox_relay WHERE owner = me;
$$;

-- The oldest messages of each shard, without those of keys that wait for another attempt. One index range per
-- shard, whatever the backlog; the planner settings keep that true when its statistics are stale. `after` is given for
-- what comes behind messages that are being published right now: it must not overtake one that waits, even if that
-- one has just become due.
CREATE FUNCTION outbox_fetch(shards smallint[], after bigint[], per_shard integer)
RETURNS TABLE (shard smallint, id bigint, message_id uuid, key text, type text, envelope text, mandatory boolean,
  attempts smallint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
  held text[] := '{}';
BEGIN
  -- Asked first, since it is seldom so: one look instead of one a shard.
  IF EXISTS (SELECT 1 FROM outbox o WHERE o.attempts > 0 AND o.shard = ANY (shards)) THEN
    held := ARRAY(
      SELECT o.shard || ':' || o.key FROM unnest(shards, after) AS mine (shard, id)
      JOIN outbox o ON o.shard = mine.shard AND o.attempts > 0
      WHERE mine.id > 0 OR o.available_at > clock_timestamp());
  END IF;
  RETURN QUERY
    SELECT o.shard, o.id, o.message_id, o.key, o.type, o.envelope, o.mandatory, o.attempts
    FROM unnest(shards, after) AS mine (shard, id)
    CROSS JOIN LATERAL (
      SELECT q.* FROM outbox q
      WHERE q.shard = mine.shard AND q.id > mine.id AND (held = '{}' OR q.shard || ':' || q.key <> ALL (held))
      ORDER BY q.id LIMIT per_shard) AS o
    ORDER BY o.id;
END $$;

-- Moves messages that are due to the outbox, at most `max_messages`, in the order in which they are due. One relay does
-- it at a time, so that two of them cannot change that order. Returns when to look again.
CREATE FUNCTION outbox_move_due(max_messages integer, OUT moved integer, OUT next_in_ms integer)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  moved := 0;
  IF NOT pg_try_advisory_xact_lock(hashtext('outbox_move_due')) THEN RETURN; END IF;
  WITH due AS (
    DELETE FROM outbox_delayed d WHERE d.id = ANY (ARRAY(
      SELECT f.id FROM outbox_delayed f WHERE f.due_at <= clock_timestamp() ORDER BY f.due_at, f.id LIMIT max_messages))
    RETURNING d.*
  )
  INSERT INTO outbox (shard, message_id, key, type, envelope, mandatory)
    SELECT d.shard, d.message_id, d.key, d.type, d.envelope, d.mandatory FROM due d ORDER BY d.due_at, d.id;
  GET DIAGNOSTICS moved = ROW_COUNT;
  SELECT least(ceil(extract(epoch FROM d.due_at - clock_timestamp()) * 1000), 3600000)::integer INTO next_in_ms
    FROM outbox_delayed d ORDER BY d.due_at, d.id LIMIT 1;
END $$;

-- Deletes what the transport has confirmed. A shard whose owner has changed meanwhile is left to the new owner. One
-- plan, made once, perhaps while the table is empty: written so that each row is looked up by the primary key in any
-- case, never the table walked through.
CREATE FUNCTION outbox_confirm(me uuid, shards smallint[], tokens bigint[], ids bigint[]) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  confirmed integer;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM outbox WHERE ctid = ANY (ARRAY(
    SELECT o.at FROM unnest(shards, tokens, ids) AS c (shard, token, id)
    JOIN outbox_shard s ON s.shard = c.shard AND s.owner = me AND s.token = c.token
    CROSS JOIN LATERAL (SELECT q.ctid FROM outbox q WHERE q.shard = c.shard AND q.id = c.id LIMIT 1) AS o (at)));
  GET DIAGNOSTICS confirmed = ROW_COUNT;
  RETURN confirmed;
END $$;

-- Records a refusal: another attempt after `delay_ms`, or parked when `reason` is given.
CREATE FUNCTION outbox_refuse(
  me uuid, the_shard smallint, the_token bigint, the_id bigint, error text, delay_ms integer, reason text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  gone outbox;
BEGIN
  PERFORM 1 FROM outbox_shard s
    WHERE s.shard = the_shard AND s.owner = me AND s.token = the_token FOR SHARE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF reason IS NULL THEN
    UPDATE outbox SET attempts = attempts + 1, last_error = error,
      available_at = clock_timestamp() + delay_ms * interval '1 millisecond'
    WHERE shard = the_shard AND id = the_id;
    RETURN true;
  END IF;
  DELETE FROM outbox WHERE shard = the_shard AND id = the_id RETURNING * INTO gone;
  IF FOUND THEN
    INSERT INTO outbox_parked (
      id, shard, message_id, key, type, envelope, mandatory, created_at, attempts, last_error, parked_reason)
    VALUES (gone.id, gone.shard, gone.message_id, gone.key, gone.type, gone.envelope, gone.mandatory, gone.created_at,
      gone.attempts + 1, error, reason);
  END IF;
  RETURN true;
END $$;

-- Parked messages go back to the outbox, at their old places, to be tried from the start. Returns how many.
CREATE FUNCTION outbox_retry_parked(ids bigint[], by_whom text, why text) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox (shard, id, message_id, key, type, envelope, mandatory, created_at)
    OVERRIDING SYSTEM VALUE
    SELECT p.shard, p.id, p.message_id, p.key, p.type, p.envelope, p.mandatory, p.created_at
    FROM outbox_parked p WHERE p.id = ANY (ids) ORDER BY p.id FOR UPDATE;
  RETURN outbox_close_parked(ids, by_whom, why, 'retry');
END $$;

CREATE FUNCTION outbox_close_parked(ids bigint[], by_whom text, why text, what text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  closed integer;
BEGIN
  WITH gone AS (
    DELETE FROM outbox_parked p WHERE p.id = ANY (ids) RETURNING p.*
  )
  INSERT INTO outbox_audit (actor, action, reason, message_id, type, key, parked_reason)
    SELECT by_whom, what, why, g.message_id, g.type, g.key, g.parked_reason FROM gone g ORDER BY g.id;
  GET DIAGNOSTICS closed = ROW_COUNT;
  RETURN closed;
END $$;

CREATE FUNCTION outbox_discard_parked(ids bigint[], by_whom text, why text) RETURNS integer LANGUAGE sql AS $$
  SELECT outbox_close_parked(ids, by_whom, why, 'discard');
$$;

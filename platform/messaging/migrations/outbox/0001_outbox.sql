-- Messages that were committed and not yet confirmed by the transport. The only index is the primary key: a message
-- costs one insert and one delete, and a relay reads its shard in id order.
CREATE TABLE outbox (
  shard smallint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  message_id uuid NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  envelope text NOT NULL,
  mandatory boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shard, id)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

-- Messages that the transport refused, and those that came behind them in their keys. They are here so that nobody has
-- to read past them: what a fetch from the outbox costs does not depend on how many wait.
CREATE TABLE outbox_held (
  shard smallint NOT NULL,
  id bigint NOT NULL,
  message_id uuid NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  envelope text NOT NULL,
  mandatory boolean NOT NULL,
  created_at timestamptz NOT NULL,
  attempts smallint NOT NULL DEFAULT 0,
  last_error text,
  PRIMARY KEY (key, id)
);
CREATE INDEX outbox_held_oldest ON outbox_held (created_at);

-- The keys of these messages: a row for as long as one of them waits. Later messages of the key may not be sent from
-- the outbox. Whoever adds or removes one holds the lock of its shard (`outbox_lock`). No two of these indexes begin with
-- the same column: which one serves a look-up must not depend on statistics.
CREATE TABLE outbox_held_key (
  key text PRIMARY KEY,
  shard smallint NOT NULL,
  due_at timestamptz NOT NULL
);
CREATE INDEX outbox_held_key_due ON outbox_held_key (shard, due_at);

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

-- The oldest messages of each shard that come after `after`, and with them at most `max_held` of the keys that wait and
-- are due. One index range per shard, whatever the backlog; the planner settings keep that true when its statistics are
-- stale. `place` says where a message is: `outbox`, `held`, or `behind` for one in the outbox that must not be sent
-- before those that wait in its key; only its place is given. While messages are being published, `max_held` is 0 for
-- what is read ahead: a key that waits stays behind what may still be refused.
CREATE FUNCTION outbox_fetch(shards smallint[], after bigint[], per_shard integer, max_held integer)
RETURNS TABLE (shard smallint, id bigint, message_id uuid, key text, type text, envelope text, mandatory boolean,
  attempts smallint, place text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz := clock_timestamp();
BEGIN
  -- Asked first, since it is seldom so: one look instead of one a message. Below, as a scalar each look is an index
  -- probe; as EXISTS all keys that wait could be read into a hash table.
  IF NOT EXISTS (SELECT 1 FROM outbox_held_key k WHERE k.shard = ANY (shards)) THEN
    RETURN QUERY
      SELECT o.shard, o.id, o.message_id, o.key, o.type, o.envelope, o.mandatory, 0::smallint, 'outbox'
      FROM unnest(shards, after) AS mine (shard, id)
      CROSS JOIN LATERAL (
        SELECT q.* FROM outbox q WHERE q.shard = mine.shard AND q.id > mine.id ORDER BY q.id LIMIT per_shard) AS o
      ORDER BY o.id;
    RETURN;
  END IF;
  RETURN QUERY
    SELECT h.shard, h.id, h.message_id, h.key, h.type, h.envelope, h.mandatory, h.attempts, 'held'
    FROM (
      SELECT k.key FROM unnest(shards) AS mine (shard)
      CROSS JOIN LATERAL (
        SELECT q.* FROM outbox_held_key q WHERE q.shard = mine.shard AND q.due_at <= moment
        ORDER BY q.due_at LIMIT max_held) AS k
      ORDER BY k.due_at LIMIT max_held) AS due
    CROSS JOIN LATERAL (
      SELECT q.* FROM outbox_held q WHERE q.key = due.key ORDER BY q.id LIMIT max_held) AS h
    LIMIT max_held;
  RETURN QUERY
    SELECT o.shard, o.id, o.message_id, o.key, o.type, CASE WHEN NOT o.behind THEN o.envelope END, o.mandatory,
      0::smallint, CASE WHEN o.behind THEN 'behind' ELSE 'outbox' END
    FROM unnest(shards, after) AS mine (shard, id)
    CROSS JOIN LATERAL (
      SELECT q.*, coalesce((SELECT true FROM outbox_held_key k WHERE k.key = q.key), false) AS behind
      FROM outbox q WHERE q.shard = mine.shard AND q.id > mine.id ORDER BY q.id LIMIT per_shard) AS o
    ORDER BY o.id;
END $$;

-- Which of the shards are still the caller's; they stay so, and nobody else changes what is held in them, until the
-- transaction ends.
CREATE FUNCTION outbox_lock(me uuid, shards smallint[], tokens bigint[]) RETURNS smallint[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT s.shard FROM outbox_shard s
    WHERE s.owner = me AND EXISTS (
      SELECT 1 FROM unnest(shards, tokens) AS c (shard, token) WHERE c.shard = s.shard AND c.token = s.token)
    ORDER BY s.shard FOR NO KEY UPDATE);
END $$;

-- Of the next `per_shard` messages of each shard, from `first_ids` on, those of keys that wait are put behind them.
CREATE FUNCTION outbox_set_aside(
  me uuid, shards smallint[], tokens bigint[], first_ids bigint[], per_shard integer)
RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  locked smallint[];
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  locked := outbox_lock(me, shards, tokens);
  WITH gone AS (
    DELETE FROM outbox WHERE ctid = ANY (ARRAY(
      SELECT o.at FROM unnest(shards, first_ids) AS mine (shard, id)
      CROSS JOIN LATERAL (
        SELECT q.ctid, q.key FROM outbox q WHERE q.shard = mine.shard AND q.id >= mine.id
        ORDER BY q.id LIMIT per_shard) AS o (at, key)
      WHERE mine.shard = ANY (locked) AND (SELECT true FROM outbox_held_key k WHERE k.key = o.key)))
    RETURNING *
  )
  INSERT INTO outbox_held (shard, id, message_id, key, type, envelope, mandatory, created_at)
    SELECT g.shard, g.id, g.message_id, g.key, g.type, g.envelope, g.mandatory, g.created_at FROM gone g;
END $$;

-- Lets go of the keys of which nothing waits any more. The caller holds the lock of their shards.
CREATE FUNCTION outbox_let_go(keys text[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  DELETE FROM outbox_held_key WHERE ctid = ANY (ARRAY(
    SELECT k.at FROM unnest(keys) AS c (key)
    CROSS JOIN LATERAL (SELECT q.ctid FROM outbox_held_key q WHERE q.key = c.key LIMIT 1) AS k (at)
    WHERE (SELECT true FROM outbox_held h WHERE h.key = c.key LIMIT 1) IS NULL));
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

-- The same for messages that waited. What is left of their keys stays due; without a rest they are let go.
CREATE FUNCTION outbox_confirm_held(me uuid, shards smallint[], tokens bigint[], keys text[], ids bigint[])
RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  locked smallint[];
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  locked := outbox_lock(me, shards, tokens);
  DELETE FROM outbox_held WHERE ctid = ANY (ARRAY(
    SELECT h.at FROM unnest(shards, keys, ids) AS c (shard, key, id)
    CROSS JOIN LATERAL (SELECT q.ctid FROM outbox_held q WHERE q.key = c.key AND q.id = c.id LIMIT 1) AS h (at)
    WHERE c.shard = ANY (locked)));
  PERFORM outbox_let_go(ARRAY(
    SELECT DISTINCT c.key FROM unnest(shards, keys) AS c (shard, key) WHERE c.shard = ANY (locked)));
END $$;

-- Records a refusal: the message is held, and its key with it, for another attempt after `delay_ms`; or it is parked
-- when `reason` is given.
CREATE FUNCTION outbox_refuse(
  me uuid, the_shard smallint, the_token bigint, the_key text, the_id bigint, error text, delay_ms integer, reason text)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  refused outbox_held;
BEGIN
  IF outbox_lock(me, ARRAY[the_shard], ARRAY[the_token]) = '{}' THEN RETURN false; END IF;
  WITH gone AS (
    DELETE FROM outbox o WHERE o.shard = the_shard AND o.id = the_id RETURNING o.*
  )
  INSERT INTO outbox_held (shard, id, message_id, key, type, envelope, mandatory, created_at)
    SELECT g.shard, g.id, g.message_id, g.key, g.type, g.envelope, g.mandatory, g.created_at FROM gone g;
  UPDATE outbox_held h SET attempts = h.attempts + 1, last_error = error
    WHERE h.key = the_key AND h.id = the_id RETURNING h.* INTO refused;
  IF refused.id IS NULL THEN RETURN true; END IF;
  INSERT INTO outbox_held_key (key, shard, due_at)
    VALUES (the_key, the_shard, clock_timestamp() + delay_ms * interval '1 millisecond')
    ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at;
  IF reason IS NULL THEN RETURN true; END IF;
  DELETE FROM outbox_held h WHERE h.key = the_key AND h.id = the_id;
  INSERT INTO outbox_parked (
    id, shard, message_id, key, type, envelope, mandatory, created_at, attempts, last_error, parked_reason)
  VALUES (refused.id, refused.shard, refused.message_id, refused.key, refused.type, refused.envelope,
    refused.mandatory, refused.created_at, refused.attempts, refused.last_error, reason);
  PERFORM outbox_let_go(ARRAY[the_key]);
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

-- From the former end of `0001_outbox.sql`, in which a message that waited for another attempt stayed in `outbox`, to its
-- present one: it and what came behind it are set aside.

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

-- All of a key that waits, so that they stay in order; they are due when they were.
WITH waiting AS (
  SELECT o.shard, o.key, max(coalesce(o.available_at, clock_timestamp())) AS due_at
  FROM outbox o WHERE o.attempts > 0 GROUP BY o.shard, o.key
), noted AS (
  INSERT INTO outbox_held_key (key, shard, due_at) SELECT w.key, w.shard, w.due_at FROM waiting w
), gone AS (
  DELETE FROM outbox o USING waiting w WHERE o.shard = w.shard AND o.key = w.key RETURNING o.*
)
INSERT INTO outbox_held (
  shard, id, message_id, key, type, envelope, mandatory, created_at, attempts, last_error)
  SELECT g.shard, g.id, g.message_id, g.key, g.type, g.envelope, g.mandatory, g.created_at, g.attempts, g.last_error
  FROM gone g;

DROP INDEX outbox_retrying;
DROP FUNCTION outbox_fetch(smallint[], bigint[], integer);
DROP FUNCTION outbox_refuse(uuid, smallint, bigint, bigint, text, integer, text);
ALTER TABLE outbox DROP COLUMN attempts, DROP COLUMN available_at, DROP COLUMN last_error;

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

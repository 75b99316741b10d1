-- What was sent and deleted stays in the table and its index for as long as any session holds a snapshot from before. So
-- that no read passes it again and again, each shard has a lower bound: of the ids up to it none is there, and none can
-- appear any more. It is kept with the data, so that a restored or promoted database has one that fits its rows.
ALTER TABLE outbox_shard ADD COLUMN lower_bound bigint NOT NULL DEFAULT 0;

-- What was given out, and who may still bring a part of it to light. A transaction locks the table before it draws an id,
-- and until its end: once all of `writers` have ended, whoever looks sees all there will ever be of the ids up to
-- `last_id`. It does not matter how old other transactions are. `source` is this run of this server and this table:
-- what was seen in another says nothing.
CREATE FUNCTION outbox_horizon(OUT source text, OUT last_id bigint, OUT writers text[])
LANGUAGE plpgsql AS $$
BEGIN
  source := concat_ws(' ', pg_postmaster_start_time(), 'outbox'::regclass::oid);
  last_id := coalesce(pg_sequence_last_value(pg_get_serial_sequence('outbox', 'id')::regclass), 0);
  -- After the id: nobody can have drawn an earlier one and not yet be here.
  writers := ARRAY(
    SELECT coalesce(l.virtualtransaction, '') FROM pg_locks l
    WHERE l.locktype = 'relation' AND l.relation = 'outbox'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
END $$;

-- Raises the bounds of the caller's shards up to the first message that is there, at most to `closed_id`, the last of a
-- horizon whose writers have ended. In steps, since each leaves a dead row too. Called in a statement of its own: its
-- snapshot must be younger than that end. A bound above all ids is of rows that are gone: the ids began anew.
CREATE FUNCTION outbox_raise_bounds(me uuid, seen_in text, closed_id bigint) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  present record;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO present FROM outbox_horizon();
  IF present.source <> seen_in THEN RETURN; END IF;
  -- Skipped, not waited for: nobody waits for this in a circle.
  UPDATE outbox_shard s SET lower_bound = r.bound
  FROM (
    SELECT m.shard, CASE WHEN m.lower_bound > present.last_id THEN 0 ELSE least(closed_id, (
      SELECT o.id - 1 FROM outbox o WHERE o.shard = m.shard AND o.id > m.lower_bound ORDER BY o.id LIMIT 1)) END AS bound
    FROM (
      SELECT q.shard, q.lower_bound FROM outbox_shard q WHERE q.owner = me FOR NO KEY UPDATE SKIP LOCKED) AS m) AS r
  WHERE s.shard = r.shard AND (r.bound >= s.lower_bound + 1000 OR s.lower_bound > present.last_id);
END $$;

-- As before (0002), from the lower bound on.
CREATE OR REPLACE FUNCTION outbox_fetch(
  shards smallint[], after bigint[], per_shard integer, max_held integer, max_bytes bigint)
RETURNS TABLE (shard smallint, id bigint, message_id uuid, key text, type text, envelope text, mandatory boolean,
  attempts smallint, place text, bytes integer)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz := clock_timestamp();
  -- Read before the messages, so that it says nothing about any that they could miss.
  starts bigint[] := ARRAY(
    SELECT greatest(m.id, (SELECT s.lower_bound FROM outbox_shard s WHERE s.shard = m.shard))
    FROM unnest(shards, after) WITH ORDINALITY AS m (shard, id, position) ORDER BY m.position);
BEGIN
  -- Asked first, since it is seldom so: one look instead of one a message. Below, as a scalar each look is an index
  -- probe; as EXISTS all keys that wait could be read into a hash table.
  IF NOT EXISTS (SELECT 1 FROM outbox_held_key k WHERE k.shard = ANY (shards)) THEN
    RETURN QUERY
      SELECT o.shard, o.id, o.message_id, o.key, o.type, o.envelope, o.mandatory, 0::smallint, 'outbox', o.bytes
      FROM (
        SELECT q.*, sum(q.bytes) OVER (ORDER BY q.id ROWS UNBOUNDED PRECEDING) AS up_to
        FROM unnest(shards, starts) AS mine (shard, id)
        CROSS JOIN LATERAL (
          SELECT s.*, octet_length(s.envelope) AS bytes
          FROM outbox s WHERE s.shard = mine.shard AND s.id > mine.id ORDER BY s.id LIMIT per_shard) AS q) AS o
      WHERE o.up_to - o.bytes < max_bytes ORDER BY o.id;
    RETURN;
  END IF;
  RETURN QUERY
    SELECT h.shard, h.id, h.message_id, h.key, h.type, h.envelope, h.mandatory, h.attempts, 'held', h.bytes
    FROM (
      SELECT w.*, octet_length(w.envelope) AS bytes,
        sum(octet_length(w.envelope)) OVER (ORDER BY w.due_at, w.key, w.id ROWS UNBOUNDED PRECEDING) AS up_to
      FROM (
        SELECT due.due_at, q.*
        FROM (
          SELECT k.key, k.due_at FROM unnest(shards) AS mine (shard)
          CROSS JOIN LATERAL (
            SELECT c.* FROM outbox_held_key c WHERE c.shard = mine.shard AND c.due_at <= moment
            ORDER BY c.due_at LIMIT max_held) AS k
          ORDER BY k.due_at LIMIT max_held) AS due
        CROSS JOIN LATERAL (
          SELECT c.* FROM outbox_held c WHERE c.key = due.key ORDER BY c.id LIMIT max_held) AS q
        LIMIT max_held) AS w) AS h
    WHERE h.up_to - h.bytes < max_bytes ORDER BY h.due_at, h.key, h.id;
  RETURN QUERY
    SELECT o.shard, o.id, o.message_id, o.key, o.type, CASE WHEN NOT o.behind THEN o.envelope END, o.mandatory,
      0::smallint, CASE WHEN o.behind THEN 'behind' ELSE 'outbox' END, o.bytes
    FROM (
      SELECT w.*, sum(w.bytes) OVER (ORDER BY w.id ROWS UNBOUNDED PRECEDING) AS up_to
      FROM unnest(shards, starts) AS mine (shard, id)
      CROSS JOIN LATERAL (
        SELECT q.*, b.behind, CASE WHEN b.behind THEN 0 ELSE octet_length(q.envelope) END AS bytes
        FROM outbox q
        CROSS JOIN LATERAL (
          SELECT coalesce((SELECT true FROM outbox_held_key k WHERE k.key = q.key), false)) AS b (behind)
        WHERE q.shard = mine.shard AND q.id > mine.id ORDER BY q.id LIMIT per_shard) AS w) AS o
    WHERE o.up_to - o.bytes < max_bytes ORDER BY o.id;
END $$;

-- As before (0001), but they wait where messages wait that are sent before the others of their keys: their ids may be
-- below the bound of their shard.
CREATE OR REPLACE FUNCTION outbox_retry_parked(ids bigint[], by_whom text, why text) RETURNS integer
LANGUAGE plpgsql AS $$
BEGIN
  -- As `outbox_lock` does, for whoever owns these shards.
  PERFORM 1 FROM outbox_shard s
    WHERE s.shard IN (SELECT p.shard FROM outbox_parked p WHERE p.id = ANY (ids)) ORDER BY s.shard FOR NO KEY UPDATE;
  WITH again AS (
    SELECT p.* FROM outbox_parked p WHERE p.id = ANY (ids) ORDER BY p.id FOR UPDATE
  ), noted AS (
    INSERT INTO outbox_held_key (key, shard, due_at)
      SELECT DISTINCT ON (a.key) a.key, a.shard, clock_timestamp() FROM again a
      ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at
  )
  INSERT INTO outbox_held (shard, id, message_id, key, type, envelope, mandatory, created_at)
    SELECT a.shard, a.id, a.message_id, a.key, a.type, a.envelope, a.mandatory, a.created_at FROM again a;
  RETURN outbox_close_parked(ids, by_whom, why, 'retry');
END $$;

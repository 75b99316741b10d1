-- What was handled and deleted stays in the table and its index for as long as any session holds a snapshot from before.
-- So that no read passes it again and again, each shard has a lower bound: of the ids up to it none is there, and none
-- can appear any more. It is kept with the data, so that a restored or promoted database has one that fits its rows.
ALTER TABLE bus.shard ADD COLUMN lower_bound bigint NOT NULL DEFAULT 0;

-- What was given out, and who may still bring a part of it to light. A transaction locks the table before it draws an id,
-- and until its end: once all of `writers` have ended, whoever looks sees all there will ever be of the ids up to
-- `last_id`. It does not matter how old other transactions are. `source` is this run of this server and this table:
-- what was seen in another says nothing.
CREATE FUNCTION bus.horizon(OUT source text, OUT last_id bigint, OUT writers text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  source := concat_ws(' ', pg_postmaster_start_time(), 'bus.delivery'::regclass::oid);
  last_id := coalesce(pg_sequence_last_value(pg_get_serial_sequence('bus.delivery', 'id')::regclass), 0);
  -- After the id: nobody can have drawn an earlier one and not yet be here.
  writers := ARRAY(
    SELECT coalesce(l.virtualtransaction, '') FROM pg_locks l
    WHERE l.locktype = 'relation' AND l.relation = 'bus.delivery'::regclass AND l.mode = 'RowExclusiveLock'
      AND l.granted AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
END $$;

-- Raises the bounds of the caller's shards up to the first message that is there, at most to `closed_id`, the last of a
-- horizon whose writers have ended. In steps, since each leaves a dead row too. Called in a statement of its own: its
-- snapshot must be younger than that end. A bound above all ids is of rows that are gone: the ids began anew.
CREATE FUNCTION bus.raise_bounds(queue_name text, me uuid, seen_in text, closed_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  q integer := bus.own(queue_name);
  present record;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO present FROM bus.horizon();
  IF present.source <> seen_in THEN RETURN; END IF;
  -- Skipped, not waited for: nobody waits for this in a circle.
  UPDATE bus.shard s SET lower_bound = r.bound
  FROM (
    SELECT m.shard, CASE WHEN m.lower_bound > present.last_id THEN 0 ELSE least(closed_id, (
      SELECT o.id - 1 FROM bus.delivery o
      WHERE o.queue_id = q AND o.shard = m.shard AND o.id > m.lower_bound ORDER BY o.id LIMIT 1)) END AS bound
    FROM (
      SELECT f.shard, f.lower_bound FROM bus.shard f WHERE f.queue_id = q AND f.owner = me
      FOR NO KEY UPDATE SKIP LOCKED) AS m) AS r
  WHERE s.queue_id = q AND s.shard = r.shard AND (r.bound >= s.lower_bound + 1000 OR s.lower_bound > present.last_id);
END $$;

-- As before (0002), from the lower bound on.
CREATE OR REPLACE FUNCTION bus.fetch(
  queue_name text, me uuid, shards smallint[], per_shard integer, have_ids bigint[], max_bytes bigint)
RETURNS TABLE (shard smallint, token bigint, id bigint, key text, type text, body text, enqueued_at timestamptz,
  suspect boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  q integer := bus.own(queue_name);
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN QUERY
    WITH mine AS MATERIALIZED (
      SELECT s.shard, s.token, s.suspects, s.lower_bound FROM bus.shard s
      WHERE s.queue_id = q AND s.shard = ANY (shards) AND s.owner = me
    ), head AS MATERIALIZED (
      SELECT w.* FROM (
        SELECT m.shard, m.token, d.id, d.key, d.type, d.body, d.enqueued_at, d.id = ANY (m.suspects) AS suspect,
          sum(octet_length(d.body)) OVER (ORDER BY d.id ROWS UNBOUNDED PRECEDING) - octet_length(d.body) AS before
        FROM mine m CROSS JOIN LATERAL (
          SELECT * FROM bus.delivery o
          WHERE o.queue_id = q AND o.shard = m.shard AND o.id > m.lower_bound
            AND o.id NOT IN (SELECT unnest(have_ids))
          ORDER BY o.id LIMIT per_shard) AS d) AS w
      WHERE w.before < max_bytes
    ), taken AS (
      UPDATE bus.member m SET in_progress = have_ids || ARRAY(SELECT h.id FROM head h)
      WHERE m.queue_id = q AND m.owner = me AND m.alive_until >= clock_timestamp() AND EXISTS (SELECT 1 FROM head)
      RETURNING 1
    )
    SELECT h.shard, h.token, h.id, h.key, h.type, h.body, h.enqueued_at, h.suspect
    FROM head h WHERE EXISTS (SELECT 1 FROM taken) ORDER BY h.id;
END $$;

-- Who published a message: the role that had logged in, whatever the message says of its source. `NULL`: the owner of the bus, who may speak for
-- everybody, or it was on its way before there was this column.
ALTER TABLE bus.delivery ADD COLUMN sender text;
ALTER TABLE bus.delivery ALTER COLUMN sender SET DEFAULT
  CASE WHEN pg_has_role(session_user, current_user, 'MEMBER') THEN NULL ELSE session_user::text END;

-- `bus.fetch` (0005) with the sender. That one stays for processes that have not been replaced yet.
CREATE FUNCTION bus.take(
  queue_name text, me uuid, shards smallint[], per_shard integer, have_ids bigint[], max_bytes bigint)
RETURNS TABLE (shard smallint, token bigint, id bigint, key text, type text, body text, enqueued_at timestamptz,
  suspect boolean, sender text)
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
        SELECT m.shard, m.token, d.id, d.key, d.type, d.body, d.enqueued_at, d.id = ANY (m.suspects) AS suspect, d.sender,
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
    SELECT h.shard, h.token, h.id, h.key, h.type, h.body, h.enqueued_at, h.suspect, h.sender
    FROM head h WHERE EXISTS (SELECT 1 FROM taken) ORDER BY h.id;
END $$;

-- As before (0001); up to `max_bytes`: the message with which they are reached is the last one. The function without
-- that bound stays for processes that have not been replaced yet.
CREATE FUNCTION bus.fetch(
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
      SELECT s.shard, s.token, s.suspects FROM bus.shard s
      WHERE s.queue_id = q AND s.shard = ANY (shards) AND s.owner = me
    ), head AS MATERIALIZED (
      SELECT w.* FROM (
        SELECT m.shard, m.token, d.id, d.key, d.type, d.body, d.enqueued_at, d.id = ANY (m.suspects) AS suspect,
          sum(octet_length(d.body)) OVER (ORDER BY d.id ROWS UNBOUNDED PRECEDING) - octet_length(d.body) AS before
        FROM mine m CROSS JOIN LATERAL (
          SELECT * FROM bus.delivery o
          WHERE o.queue_id = q AND o.shard = m.shard AND o.id NOT IN (SELECT unnest(have_ids))
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

-- Batches are bounded by bytes, not only by messages: `max_bytes` ends one behind the message with which it is reached.
-- The size of a text is known without reading it. The functions without that bound stay for processes that have not
-- been replaced yet.

-- As before (0001); over all shards the oldest messages up to `max_bytes`, and as much of those that wait.
CREATE FUNCTION outbox_fetch(
  shards smallint[], after bigint[], per_shard integer, max_held integer, max_bytes bigint)
RETURNS TABLE (shard smallint, id bigint, message_id uuid, key text, type text, envelope text, mandatory boolean,
  attempts smallint, place text, bytes integer)
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
      SELECT o.shard, o.id, o.message_id, o.key, o.type, o.envelope, o.mandatory, 0::smallint, 'outbox', o.bytes
      FROM (
        SELECT q.*, sum(q.bytes) OVER (ORDER BY q.id ROWS UNBOUNDED PRECEDING) AS up_to
        FROM unnest(shards, after) AS mine (shard, id)
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
      FROM unnest(shards, after) AS mine (shard, id)
      CROSS JOIN LATERAL (
        SELECT q.*, b.behind, CASE WHEN b.behind THEN 0 ELSE octet_length(q.envelope) END AS bytes
        FROM outbox q
        CROSS JOIN LATERAL (
          SELECT coalesce((SELECT true FROM outbox_held_key k WHERE k.key = q.key), false)) AS b (behind)
        WHERE q.shard = mine.shard AND q.id > mine.id ORDER BY q.id LIMIT per_shard) AS w) AS o
    WHERE o.up_to - o.bytes < max_bytes ORDER BY o.id;
END $$;

-- As before (0001), up to `max_bytes`.
CREATE FUNCTION outbox_set_aside(
  me uuid, shards smallint[], tokens bigint[], first_ids bigint[], per_shard integer, max_bytes bigint)
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
      SELECT b.at FROM (
        SELECT o.at, sum(o.bytes) OVER (ORDER BY mine.shard, o.id ROWS UNBOUNDED PRECEDING) - o.bytes AS before
        FROM unnest(shards, first_ids) AS mine (shard, id)
        CROSS JOIN LATERAL (
          SELECT q.ctid, q.id, q.key, octet_length(q.envelope) FROM outbox q
          WHERE q.shard = mine.shard AND q.id >= mine.id
          ORDER BY q.id LIMIT per_shard) AS o (at, id, key, bytes)
        WHERE mine.shard = ANY (locked) AND (SELECT true FROM outbox_held_key k WHERE k.key = o.key)) AS b
      WHERE b.before < max_bytes))
    RETURNING *
  )
  INSERT INTO outbox_held (shard, id, message_id, key, type, envelope, mandatory, created_at)
    SELECT g.shard, g.id, g.message_id, g.key, g.type, g.envelope, g.mandatory, g.created_at FROM gone g;
END $$;

-- As before (0001), up to `max_bytes`.
CREATE FUNCTION outbox_move_due(max_messages integer, max_bytes bigint, OUT moved integer, OUT next_in_ms integer)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  moved := 0;
  IF NOT pg_try_advisory_xact_lock(hashtext('outbox_move_due')) THEN RETURN; END IF;
  WITH due AS (
    DELETE FROM outbox_delayed d WHERE d.id = ANY (ARRAY(
      SELECT b.id FROM (
        SELECT f.id, sum(f.bytes) OVER (ORDER BY f.due_at, f.id ROWS UNBOUNDED PRECEDING) - f.bytes AS before
        FROM (
          SELECT q.id, q.due_at, octet_length(q.envelope) AS bytes FROM outbox_delayed q
          WHERE q.due_at <= clock_timestamp() ORDER BY q.due_at, q.id LIMIT max_messages) AS f) AS b
      WHERE b.before < max_bytes))
    RETURNING d.*
  )
  INSERT INTO outbox (shard, message_id, key, type, envelope, mandatory)
    SELECT d.shard, d.message_id, d.key, d.type, d.envelope, d.mandatory FROM due d ORDER BY d.due_at, d.id;
  GET DIAGNOSTICS moved = ROW_COUNT;
  SELECT greatest(least(ceil(extract(epoch FROM d.due_at - clock_timestamp()) * 1000), 3600000), 0)::integer INTO next_in_ms
    FROM outbox_delayed d ORDER BY d.due_at, d.id LIMIT 1;
END $$;

-- What operators do to queues, with who did it and why.
CREATE TABLE bus.queue_audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  action text NOT NULL CHECK (action IN ('drop', 'drop-forced')),
  reason text NOT NULL,
  queue text NOT NULL,
  -- Those that waited when it began.
  messages bigint NOT NULL,
  is_estimate boolean NOT NULL
);

-- How many messages wait in a queue: counted up to `max_counted`, beyond it the planner's estimate, so that it costs the
-- same however long the queue is.
CREATE FUNCTION bus.backlog_of(q integer, max_counted integer, OUT messages bigint, OUT is_estimate boolean)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
  plan json;
BEGIN
  SELECT count(*) INTO messages FROM (SELECT FROM bus.delivery d WHERE d.queue_id = q LIMIT max_counted) AS counted;
  is_estimate := messages >= max_counted;
  IF is_estimate THEN
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM bus.delivery WHERE queue_id = %s', q) INTO plan;
    messages := greatest(messages, (plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric::bigint);
  END IF;
END $$;
REVOKE EXECUTE ON FUNCTION bus.backlog_of FROM PUBLIC;

-- Its members that show a sign of life; as in `bus.claim`, a process that has ended is seen at once.
CREATE FUNCTION bus.consumers_of(q integer) RETURNS integer LANGUAGE sql AS $$
  SELECT count(*)::integer FROM bus.member m
  WHERE m.queue_id = q AND m.alive_until >= clock_timestamp()
    AND CASE WHEN m.presence IS NULL THEN true ELSE NOT pg_try_advisory_xact_lock_shared(m.presence) END;
$$;
REVOKE EXECUTE ON FUNCTION bus.consumers_of FROM PUBLIC;

-- All queues and what waits in them. Any role may ask: a queue whose own service is gone is measured by the others.
-- The oldest message is at the head of one of the shards.
CREATE FUNCTION bus.backlogs(max_counted integer)
RETURNS TABLE (queue text, messages bigint, is_estimate boolean, oldest_age_seconds double precision)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  SELECT q.name, b.messages, b.is_estimate, coalesce(
    greatest(0, extract(epoch FROM clock_timestamp() - (
      SELECT min(head.enqueued_at) FROM bus.shard s CROSS JOIN LATERAL (
        SELECT d.enqueued_at FROM bus.delivery d
        WHERE d.queue_id = q.id AND d.shard = s.shard ORDER BY d.id LIMIT 1) AS head
      WHERE s.queue_id = q.id))), 0)::double precision
  FROM bus.queue q CROSS JOIN LATERAL bus.backlog_of(q.id, max_counted) AS b
  ORDER BY q.name;
$$;

-- Cuts a queue off: nothing is routed to it any more. Waits for whoever publishes right now, so that nothing arrives
-- later either. Returns what waits, or `in_use` and changes nothing when a consumer lives; no row: there is no such queue.
CREATE FUNCTION bus.cut_off(queue_name text, by_whom text, why text, forced boolean, max_counted integer)
RETURNS TABLE (in_use boolean, messages bigint, is_estimate boolean) LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
#variable_conflict use_column
DECLARE
  q integer;
BEGIN
  LOCK TABLE bus.subscription IN ACCESS EXCLUSIVE MODE;
  SELECT id INTO q FROM bus.queue WHERE name = queue_name FOR UPDATE;
  IF q IS NULL THEN
    RETURN;
  END IF;
  SELECT NOT forced AND bus.consumers_of(q) > 0, b.messages, b.is_estimate INTO in_use, messages, is_estimate
  FROM bus.backlog_of(q, max_counted) AS b;
  IF NOT in_use THEN
    DELETE FROM bus.subscription WHERE queue_id = q;
    INSERT INTO bus.queue_audit (actor, action, reason, queue, messages, is_estimate)
      VALUES (by_whom, CASE WHEN forced THEN 'drop-forced' ELSE 'drop' END, why, queue_name, messages, is_estimate);
  END IF;
  RETURN NEXT;
END $$;
REVOKE EXECUTE ON FUNCTION bus.cut_off FROM PUBLIC;

-- Deletes messages of a queue that was cut off, and the queue with the last of them. Returns how many, `NULL` once the
-- queue is gone. May be repeated after any interruption.
CREATE FUNCTION bus.drain_off(queue_name text, max_deleted integer) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '5s' SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  q integer;
  deleted integer;
BEGIN
  SELECT id INTO q FROM bus.queue WHERE name = queue_name;
  DELETE FROM bus.delivery WHERE ctid = ANY (ARRAY(
    SELECT d.ctid FROM bus.delivery d WHERE d.queue_id = q LIMIT max_deleted));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  IF q IS NULL OR deleted > 0 THEN
    RETURN CASE WHEN q IS NOT NULL THEN deleted END;
  END IF;
  -- A consumer that lives after all may have subscribed again.
  LOCK TABLE bus.subscription IN ACCESS EXCLUSIVE MODE;
  DELETE FROM bus.subscription WHERE queue_id = q;
  IF EXISTS (SELECT FROM bus.delivery d WHERE d.queue_id = q) THEN
    RETURN 0;
  END IF;
  DELETE FROM bus.member WHERE queue_id = q;
  DELETE FROM bus.shard WHERE queue_id = q;
  DELETE FROM bus.queue WHERE id = q;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION bus.drain_off FROM PUBLIC;

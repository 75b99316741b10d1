-- Notices: messages of types that every process has to know, not one of the consumers of each queue. They are routed to a queue that nobody
-- consumes: each process reads in it for itself, and what is older than ten minutes is deleted. So one that has just started, or was away for
-- a moment, reads what happened meanwhile. The name of the queue cannot be that of a role.
CREATE FUNCTION bus.watch(types text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO bus.queue (name) VALUES ('@notices') ON CONFLICT (name) DO NOTHING;
  INSERT INTO bus.subscription (type, queue_id)
    SELECT t, q.id FROM unnest(types) AS t, bus.queue q WHERE q.name = '@notices' ON CONFLICT DO NOTHING;
END $$;

-- Those of the last `seconds`. Ids are given before the commit, so the readers look back a little and know again what they have read.
CREATE FUNCTION bus.notices(types text[], seconds double precision)
RETURNS TABLE (id bigint, type text, key text, body text, enqueued_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT d.id, d.type, d.key, d.body, d.enqueued_at
  FROM bus.queue q JOIN bus.delivery d ON d.queue_id = q.id
  WHERE q.name = '@notices' AND d.type = ANY (types) AND d.enqueued_at > clock_timestamp() - seconds * interval '1 second'
  ORDER BY d.id;
$$;

CREATE FUNCTION bus.forget_notices() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM bus.delivery d USING bus.queue q
  WHERE q.name = '@notices' AND d.queue_id = q.id AND d.enqueued_at < clock_timestamp() - interval '10 minutes';
END $$;

-- The bus: durable queues that subscribe to message types. Roles have no rights on the tables; they may execute
-- the functions, which act as their owner and check that a queue belongs to the role that logged in.
CREATE SCHEMA bus;
GRANT USAGE ON SCHEMA bus TO PUBLIC;

CREATE TABLE bus.queue (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 120),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE bus.subscription (
  type text NOT NULL,
  queue_id integer NOT NULL REFERENCES bus.queue,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (type, queue_id)
);

-- Messages on their way, one row a queue. Inserted once, deleted once, never updated; one index. A consumer
-- reads the head of its shards, so the cost of a fetch does not depend on how many rows wait behind it.
CREATE TABLE bus.delivery (
  queue_id integer NOT NULL,
  shard smallint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  key text NOT NULL,
  type text NOT NULL,
  body text NOT NULL,
  enqueued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (queue_id, shard, id)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

-- The living consumers of a queue. `presence` is an advisory lock that the consumer's own connection holds: when it
-- can be taken, the process is gone, and nobody has to wait for `alive_until`. `in_progress` is what it may be working
-- on: when it vanishes, those of its shards are suspects from then on. Whoever gives the shards of a member to somebody
-- else locks its row before them, so these never wait for each other in a circle.
CREATE TABLE bus.member (
  queue_id integer NOT NULL,
  owner uuid NOT NULL,
  alive_until timestamptz NOT NULL,
  presence bigint,
  in_progress bigint[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (queue_id, owner)
) WITH (fillfactor = 25);

-- Which member consumes which shard of a queue. `token` grows with every change of owner; writes of a former owner are
-- refused by it. `suspects` were in progress when an owner vanished.
CREATE TABLE bus.shard (
  queue_id integer NOT NULL REFERENCES bus.queue,
  shard smallint NOT NULL,
  owner uuid,
  token bigint NOT NULL DEFAULT 0,
  suspects bigint[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (queue_id, shard)
) WITH (fillfactor = 50);

-- The queue's id if the role that logged in may use it: `<role>` or `<role>.<purpose>`; the owner of the bus may all.
CREATE FUNCTION bus.own(queue_name text) RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
  found_id integer;
BEGIN
  IF NOT (queue_name = session_user OR starts_with(queue_name, session_user || '.')
      OR pg_has_role(session_user, current_user, 'MEMBER')) THEN
    RAISE EXCEPTION 'queue "%" does not belong to role "%"', queue_name, session_user USING ERRCODE = '42501';
  END IF;
  SELECT id INTO found_id FROM bus.queue WHERE name = queue_name;
  RETURN found_id;
END $$;
REVOKE EXECUTE ON FUNCTION bus.own FROM PUBLIC;

-- Declares the queue and adds subscriptions. It never removes one: during a rolling deployment an old replica
-- must not cut off what a new one has subscribed to.
CREATE FUNCTION bus.subscribe(queue_name text, types text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  q integer := bus.own(queue_name);
BEGIN
  IF q IS NULL THEN
    INSERT INTO bus.queue (name) VALUES (queue_name) ON CONFLICT (name) DO NOTHING;
    SELECT id INTO STRICT q FROM bus.queue WHERE name = queue_name;
    INSERT INTO bus.shard (queue_id, shard) SELECT q, generate_series(0, 15) ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO bus.subscription (type, queue_id) SELECT t, q FROM unnest(types) AS t ON CONFLICT DO NOTHING;
END $$;

-- Routes messages to all queues that subscribe to their type, in the given order, all or none. Returns the queues
-- that received something, how many messages nobody subscribes to, and the positions (from 1) of those refused: a
-- mandatory message nobody subscribes to, and the later messages of its key.
CREATE FUNCTION bus.publish(
  types text[], keys text[], shards smallint[], bodies text[], mandatory boolean[],
  OUT queues text[], OUT unrouted integer, OUT refused integer[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  refused := '{}';
  IF true = ANY (mandatory) THEN
    refused := ARRAY(
      SELECT m.position FROM unnest(keys) WITH ORDINALITY AS m (key, position)
      JOIN (
        SELECT c.key, min(c.position) AS position
        FROM unnest(types, keys, mandatory) WITH ORDINALITY AS c (type, key, mandatory, position)
        WHERE c.mandatory AND NOT EXISTS (SELECT 1 FROM bus.subscription s WHERE s.type = c.type)
        GROUP BY c.key) AS first ON m.key = first.key AND m.position >= first.position
      ORDER BY m.position);
  END IF;
  WITH message AS (
    SELECT * FROM unnest(types, keys, shards, bodies) WITH ORDINALITY AS m (type, key, shard, body, position)
    WHERE refused = '{}' OR m.position <> ALL (refused)
  ), routed AS (
    INSERT INTO bus.delivery (queue_id, shard, key, type, body)
    SELECT s.queue_id, m.shard, m.key, m.type, m.body
    FROM message m JOIN bus.subscription s ON s.type = m.type
    ORDER BY m.position
    RETURNING queue_id
  )
  SELECT coalesce(array_agg(q.name), '{}') INTO queues
  FROM bus.queue q WHERE q.id IN (SELECT r.queue_id FROM routed r);
  SELECT count(*) INTO unrouted FROM unnest(types) WITH ORDINALITY AS t (type, position)
  WHERE (refused = '{}' OR t.position <> ALL (refused))
    AND NOT EXISTS (SELECT 1 FROM bus.subscription s WHERE s.type = t.type);
END $$;

-- The member is gone: its shards are free, and what it had in progress of them is suspected.
CREATE FUNCTION bus.vacate(q integer, gone bus.member) RETURNS void LANGUAGE sql AS $$
  UPDATE bus.shard s SET owner = NULL, suspects = ARRAY(
    -- Those that were handled are gone, so the list stays as short as what a consumer holds.
    SELECT v.id FROM unnest(s.suspects || gone.in_progress) AS v (id)
    WHERE EXISTS (SELECT 1 FROM bus.delivery d WHERE d.queue_id = q AND d.shard = s.shard AND d.id = v.id))
  WHERE s.queue_id = q AND s.owner = gone.owner;
$$;
REVOKE EXECUTE ON FUNCTION bus.vacate FROM PUBLIC;

-- A sign of life of the caller; it then takes shards without a living owner, up to its fair share. Returns what it
-- holds now.
CREATE FUNCTION bus.claim(queue_name text, me uuid, lease_ms integer, my_presence bigint)
RETURNS TABLE (shard smallint, token bigint, fair integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  q integer := bus.own(queue_name);
  moment timestamptz := clock_timestamp();
  gone bus.member;
  share integer;
  missing integer;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  INSERT INTO bus.member (queue_id, owner, alive_until, presence)
    VALUES (q, me, moment + lease_ms * interval '1 millisecond', my_presence)
    ON CONFLICT (queue_id, owner) DO UPDATE SET alive_until = excluded.alive_until, presence = excluded.presence;
  -- What is done with each is a statement of its own: it sees what the member did until its row was locked.
  FOR gone IN
    DELETE FROM bus.member d WHERE d.queue_id = q AND d.owner IN (
      SELECT m.owner FROM bus.member m
      WHERE m.queue_id = q AND m.owner <> me
        AND CASE WHEN m.alive_until < moment OR m.presence IS NULL THEN m.alive_until < moment
          ELSE pg_try_advisory_xact_lock_shared(m.presence) END
      FOR UPDATE SKIP LOCKED)
    RETURNING d.*
  LOOP
    PERFORM bus.vacate(q, gone);
  END LOOP;
  SELECT ceil(16.0 / count(*)) INTO share FROM bus.member m WHERE m.queue_id = q;
  SELECT share - count(*) INTO missing FROM bus.shard s WHERE s.queue_id = q AND s.owner = me;
  UPDATE bus.shard s SET owner = me, token = s.token + 1
  WHERE s.queue_id = q AND missing > 0 AND s.shard = ANY (ARRAY(
    SELECT f.shard FROM bus.shard f WHERE f.queue_id = q AND f.owner IS NULL
    LIMIT greatest(missing, 0) FOR UPDATE SKIP LOCKED));
  RETURN QUERY SELECT s.shard, s.token, share FROM bus.shard s WHERE s.queue_id = q AND s.owner = me;
END $$;

-- Gives shards back. Nothing of them may be in work any more, so nothing of them stays in progress.
CREATE FUNCTION bus.release(queue_name text, me uuid, shards smallint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  q integer := bus.own(queue_name);
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE bus.member m SET in_progress = ARRAY(
    SELECT v.id FROM unnest(m.in_progress) AS v (id) WHERE NOT EXISTS (
      SELECT 1 FROM bus.delivery d WHERE d.queue_id = q AND d.shard = ANY (shards) AND d.id = v.id))
  WHERE m.queue_id = q AND m.owner = me;
  UPDATE bus.shard SET owner = NULL WHERE queue_id = q AND owner = me AND shard = ANY (shards);
END $$;

-- Gives everything back. Nothing may be in work any more, so nothing is suspected.
CREATE FUNCTION bus.leave(queue_name text, me uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  q integer := bus.own(queue_name);
BEGIN
  DELETE FROM bus.member WHERE queue_id = q AND owner = me;
  UPDATE bus.shard SET owner = NULL WHERE queue_id = q AND owner = me;
END $$;

-- The oldest messages of the caller's shards, without those it has already. Nothing is handed out that is not in
-- progress of a living member in the same moment. One plan, made once, whatever the statistics: the planner settings
-- leave it no other way than to read the head of each shard by the primary key.
CREATE FUNCTION bus.fetch(queue_name text, me uuid, shards smallint[], per_shard integer, have_ids bigint[])
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
      SELECT m.shard, m.token, d.id, d.key, d.type, d.body, d.enqueued_at, d.id = ANY (m.suspects) AS suspect
      FROM mine m CROSS JOIN LATERAL (
        SELECT * FROM bus.delivery o
        WHERE o.queue_id = q AND o.shard = m.shard AND o.id NOT IN (SELECT unnest(have_ids))
        ORDER BY o.id LIMIT per_shard) AS d
    ), taken AS (
      UPDATE bus.member m SET in_progress = have_ids || ARRAY(SELECT h.id FROM head h)
      WHERE m.queue_id = q AND m.owner = me AND m.alive_until >= clock_timestamp() AND EXISTS (SELECT 1 FROM head)
      RETURNING 1
    )
    SELECT h.* FROM head h WHERE EXISTS (SELECT 1 FROM taken) ORDER BY h.id;
END $$;

-- Deletes messages that are done with. Those of shards that have changed owner are left to the new owner. One plan, made
-- once, perhaps while the table is empty: written so that each row is looked up by the primary key in any case.
CREATE FUNCTION bus.ack(queue_name text, me uuid, shards smallint[], tokens bigint[], ids bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  q integer := bus.own(queue_name);
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM bus.delivery WHERE ctid = ANY (ARRAY(
    SELECT d.at FROM unnest(shards, tokens, ids) AS a (shard, token, id)
    JOIN bus.shard s ON s.queue_id = q AND s.shard = a.shard AND s.owner = me AND s.token = a.token
    CROSS JOIN LATERAL (
      SELECT o.ctid FROM bus.delivery o WHERE o.queue_id = q AND o.shard = a.shard AND o.id = a.id LIMIT 1) AS d (at)));
END $$;

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

-- Keys whose oldest message failed and waits for `retry_at`, and the messages set aside behind it.
CREATE TABLE bus.held_key (
  queue_id integer NOT NULL,
  shard smallint NOT NULL,
  key text NOT NULL,
  retry_at timestamptz NOT NULL,
  PRIMARY KEY (queue_id, shard, key)
);
CREATE INDEX held_key_due ON bus.held_key (queue_id, shard, retry_at);

CREATE TABLE bus.held_delivery (
  queue_id integer NOT NULL,
  shard smallint NOT NULL,
  key text NOT NULL,
  id bigint NOT NULL,
  type text NOT NULL,
  body text NOT NULL,
  enqueued_at timestamptz NOT NULL,
  failures smallint NOT NULL DEFAULT 0,
  crashes smallint NOT NULL DEFAULT 0,
  last_error text,
  PRIMARY KEY (queue_id, shard, key, id)
);
CREATE UNIQUE INDEX held_delivery_id ON bus.held_delivery (queue_id, id);

-- The living consumers of a queue. `presence` is an advisory lock that the consumer's own connection holds: when it
-- can be taken, the process is gone, and nobody has to wait for `alive_until`.
CREATE TABLE bus.member (
  queue_id integer NOT NULL,
  owner uuid NOT NULL,
  alive_until timestamptz NOT NULL,
  presence bigint,
  PRIMARY KEY (queue_id, owner)
) WITH (fillfactor = 50);

-- Who consumes which shard of a queue. `token` grows with every change of owner; writes of a former owner are refused
-- by it. `in_progress` is what the owner may be working on: when it vanishes, these messages are suspected.
CREATE TABLE bus.shard (
  queue_id integer NOT NULL REFERENCES bus.queue,
  shard smallint NOT NULL,
  owner uuid,
  token bigint NOT NULL DEFAULT 0,
  in_progress bigint[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (queue_id, shard)
) WITH (fillfactor = 25);

CREATE TABLE bus.dead_letter (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue_id integer NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  body text NOT NULL,
  reason text NOT NULL,
  error text,
  failures smallint NOT NULL,
  crashes smallint NOT NULL,
  enqueued_at timestamptz NOT NULL,
  dead_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX dead_letter_queue ON bus.dead_letter (queue_id, id);

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
-- that received something, and how many messages nobody subscribes to.
CREATE FUNCTION bus.publish(
  types text[], keys text[], shards smallint[], bodies text[], OUT queues text[], OUT unrouted integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  WITH message AS (
    SELECT * FROM unnest(types, keys, shards, bodies) WITH ORDINALITY AS m (type, key, shard, body, position)
  ), routed AS (
    INSERT INTO bus.delivery (queue_id, shard, key, type, body)
    SELECT s.queue_id, m.shard, m.key, m.type, m.body
    FROM message m JOIN bus.subscription s ON s.type = m.type
    ORDER BY m.position
    RETURNING queue_id
  )
  SELECT coalesce(array_agg(q.name), '{}') INTO queues
  FROM bus.queue q WHERE q.id IN (SELECT r.queue_id FROM routed r);
  SELECT count(*) INTO unrouted FROM unnest(types) AS t
  WHERE NOT EXISTS (SELECT 1 FROM bus.subscription s WHERE s.type = t);
END $$;

-- Counts a crash against messages whose consumer vanished while it had them in work. They leave the common path.
CREATE FUNCTION bus.suspect(q integer, the_shard smallint, ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM bus.hold(q, the_shard, ids);
  UPDATE bus.held_delivery SET crashes = crashes + 1 WHERE queue_id = q AND id = ANY (ids);
  -- The first suspicion costs no delay: most of these messages were merely close to the one that did it.
  INSERT INTO bus.held_key AS h (queue_id, shard, key, retry_at)
  SELECT q, the_shard, d.key, clock_timestamp() + max(d.crashes - 1) * interval '1 second'
  FROM bus.held_delivery d WHERE d.queue_id = q AND d.id = ANY (ids) GROUP BY d.key
  ON CONFLICT (queue_id, shard, key) DO UPDATE SET retry_at = greatest(h.retry_at, excluded.retry_at);
END $$;
REVOKE EXECUTE ON FUNCTION bus.suspect FROM PUBLIC;

-- Sets messages aside.
CREATE FUNCTION bus.hold(q integer, the_shard smallint, ids bigint[]) RETURNS void
LANGUAGE sql SET enable_seqscan = off AS $$
  WITH moved AS (
    DELETE FROM bus.delivery WHERE queue_id = q AND shard = the_shard AND id = ANY (ids) RETURNING *
  )
  INSERT INTO bus.held_delivery (queue_id, shard, key, id, type, body, enqueued_at)
  SELECT queue_id, shard, key, id, type, body, enqueued_at FROM moved;
$$;
REVOKE EXECUTE ON FUNCTION bus.hold FROM PUBLIC;

-- Locks the caller's shards, always in the same order: a fetch and a claim of one consumer may overlap.
CREATE FUNCTION bus.lock_shards(q integer, me uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM bus.shard WHERE queue_id = q AND owner = me ORDER BY shard FOR NO KEY UPDATE;
END $$;
REVOKE EXECUTE ON FUNCTION bus.lock_shards FROM PUBLIC;

-- A sign of life of the caller; it then takes shards without a living owner, up to its fair share. Returns what it
-- holds now.
CREATE FUNCTION bus.claim(queue_name text, me uuid, lease_ms integer, my_presence bigint)
RETURNS TABLE (shard smallint, token bigint, fair integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  q integer := bus.own(queue_name);
  moment timestamptz := clock_timestamp();
  share integer;
  missing integer;
  taken record;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  INSERT INTO bus.member (queue_id, owner, alive_until, presence)
    VALUES (q, me, moment + lease_ms * interval '1 millisecond', my_presence)
    ON CONFLICT (queue_id, owner) DO UPDATE SET alive_until = excluded.alive_until, presence = excluded.presence;
  DELETE FROM bus.member d WHERE d.queue_id = q AND d.owner IN (
    SELECT m.owner FROM bus.member m
    WHERE m.queue_id = q AND m.owner <> me
      AND CASE WHEN m.alive_until < moment OR m.presence IS NULL THEN m.alive_until < moment
        ELSE pg_try_advisory_xact_lock_shared(m.presence) END
    FOR UPDATE SKIP LOCKED);
  SELECT ceil(16.0 / count(*)) INTO share FROM bus.member m WHERE m.queue_id = q;
  SELECT share - count(*) INTO missing FROM bus.shard s WHERE s.queue_id = q AND s.owner = me;
  FOR taken IN
    SELECT s.shard, s.in_progress FROM bus.shard s
    WHERE s.queue_id = q AND (s.owner IS NULL
      OR NOT EXISTS (SELECT 1 FROM bus.member m WHERE m.queue_id = q AND m.owner = s.owner))
    LIMIT greatest(missing, 0) FOR UPDATE SKIP LOCKED
  LOOP
    IF taken.in_progress <> '{}' THEN
      PERFORM bus.suspect(q, taken.shard, taken.in_progress);
    END IF;
    UPDATE bus.shard s SET owner = me, token = s.token + 1, in_progress = '{}'
    WHERE s.queue_id = q AND s.shard = taken.shard;
  END LOOP;
  RETURN QUERY SELECT s.shard, s.token, share FROM bus.shard s WHERE s.queue_id = q AND s.owner = me;
END $$;

-- Gives shards back. Nothing of them may be in work any more.
CREATE FUNCTION bus.release(queue_name text, me uuid, shards smallint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  q integer := bus.own(queue_name);
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM bus.lock_shards(q, me);
  UPDATE bus.shard SET owner = NULL, in_progress = '{}'
  WHERE queue_id = q AND owner = me AND shard = ANY (shards);
END $$;

CREATE FUNCTION bus.leave(queue_name text, me uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  q integer := bus.own(queue_name);
BEGIN
  PERFORM bus.lock_shards(q, me);
  UPDATE bus.shard SET owner = NULL, in_progress = '{}' WHERE queue_id = q AND owner = me;
  DELETE FROM bus.member WHERE queue_id = q AND owner = me;
END $$;

-- The next messages of the caller's shards, without those it has already (`have_*`): first the due ones of held
-- keys, then the head of the shard. Messages of held keys met at the head are set aside, each at most once, so
-- that a long backlog behind a failing message is not walked through again by every fetch.
CREATE FUNCTION bus.fetch(
  queue_name text, me uuid, shards smallint[], per_shard integer, have_shards smallint[], have_ids bigint[])
RETURNS TABLE (shard smallint, token bigint, id bigint, key text, type text, body text, enqueued_at timestamptz,
  failures smallint, crashes smallint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
  q integer := bus.own(queue_name);
  moment timestamptz := clock_timestamp();
  mine record;
  held record;
  head record;
  have bigint[];
  fresh bigint[];
  aside bigint[];
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  FOR mine IN
    SELECT s.shard, s.token FROM bus.shard s
    WHERE s.queue_id = q AND s.shard = ANY (shards) AND s.owner = me AND EXISTS (
      SELECT 1 FROM bus.member m WHERE m.queue_id = q AND m.owner = me AND m.alive_until >= moment)
    ORDER BY s.shard
  LOOP
    have := ARRAY(SELECT h.id FROM unnest(have_shards, have_ids) AS h (shard, id) WHERE h.shard = mine.shard);
    fresh := '{}';
    FOR held IN
      SELECT k.key FROM bus.held_key k
      WHERE k.queue_id = q AND k.shard = mine.shard AND k.retry_at <= moment ORDER BY k.retry_at LIMIT per_shard
    LOOP
      FOR head IN
        SELECT d.* FROM bus.held_delivery d
        WHERE d.queue_id = q AND d.shard = mine.shard AND d.key = held.key AND d.id <> ALL (have)
        ORDER BY d.id LIMIT per_shard
      LOOP
        fresh := fresh || head.id;
        shard := mine.shard; token := mine.token; id := head.id; key := head.key; type := head.type;
        body := head.body; enqueued_at := head.enqueued_at; failures := head.failures; crashes := head.crashes;
        RETURN NEXT;
      END LOOP;
      -- A message of this key may be failing right now. Setting it aside locks the shard first, so this waits for
      -- it, and the statement after the lock sees it: else the key would be let go over a message that is held.
      PERFORM 1 FROM bus.shard s WHERE s.queue_id = q AND s.shard = mine.shard FOR NO KEY UPDATE;
      DELETE FROM bus.held_key k
      WHERE k.queue_id = q AND k.shard = mine.shard AND k.key = held.key AND NOT EXISTS (
        SELECT 1 FROM bus.held_delivery d WHERE d.queue_id = q AND d.shard = mine.shard AND d.key = held.key);
    END LOOP;
    FOR round IN 1..20 LOOP
      aside := '{}';
      FOR head IN
        SELECT d.*, EXISTS (SELECT 1 FROM bus.held_key k
          WHERE k.queue_id = q AND k.shard = mine.shard AND k.key = d.key) AS is_held
        FROM bus.delivery d
        WHERE d.queue_id = q AND d.shard = mine.shard AND d.id <> ALL (have) AND d.id <> ALL (fresh)
        ORDER BY d.id LIMIT per_shard
      LOOP
        IF head.is_held THEN
          aside := aside || head.id;
        ELSE
          fresh := fresh || head.id;
          shard := mine.shard; token := mine.token; id := head.id; key := head.key; type := head.type;
          body := head.body; enqueued_at := head.enqueued_at; failures := 0; crashes := 0;
          RETURN NEXT;
        END IF;
      END LOOP;
      EXIT WHEN aside = '{}';
      PERFORM bus.hold(q, mine.shard, aside);
      EXIT WHEN cardinality(fresh) >= per_shard;
    END LOOP;
    IF fresh <> '{}' THEN
      UPDATE bus.shard s SET in_progress = have || fresh WHERE s.queue_id = q AND s.shard = mine.shard;
    END IF;
  END LOOP;
END $$;

-- From now on the caller works on this message alone: if it vanishes, only this one is suspected.
CREATE FUNCTION bus.isolate(queue_name text, me uuid, the_shard smallint, the_token bigint, the_id bigint)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  q integer := bus.own(queue_name);
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM bus.lock_shards(q, me);
  UPDATE bus.shard SET in_progress = CASE WHEN shard = the_shard THEN ARRAY[the_id] ELSE '{}' END
  WHERE queue_id = q AND owner = me;
  RETURN EXISTS (SELECT 1 FROM bus.shard
    WHERE queue_id = q AND shard = the_shard AND owner = me AND token = the_token);
END $$;

-- Deletes handled messages. Those of shards that have changed owner are left to the new owner.
CREATE FUNCTION bus.ack(queue_name text, me uuid, shards smallint[], tokens bigint[], ids bigint[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  q integer := bus.own(queue_name);
  done integer;
  more integer := 0;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM bus.delivery d USING unnest(shards, tokens, ids) AS a (shard, token, id)
    JOIN bus.shard s ON s.queue_id = q AND s.shard = a.shard AND s.owner = me AND s.token = a.token
  WHERE d.queue_id = q AND d.shard = a.shard AND d.id = a.id;
  GET DIAGNOSTICS done = ROW_COUNT;
  IF done < cardinality(ids) THEN
    DELETE FROM bus.held_delivery d USING unnest(shards, tokens, ids) AS a (shard, token, id)
      JOIN bus.shard s ON s.queue_id = q AND s.shard = a.shard AND s.owner = me AND s.token = a.token
    WHERE d.queue_id = q AND d.id = a.id;
    GET DIAGNOSTICS more = ROW_COUNT;
  END IF;
  RETURN done + more;
END $$;

-- The message failed and is tried again after `delay_ms`; later messages of its key wait behind it.
CREATE FUNCTION bus.retry(
  queue_name text, me uuid, the_shard smallint, the_token bigint, the_id bigint, delay_ms integer, error text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  q integer := bus.own(queue_name);
  the_key text;
BEGIN
  UPDATE bus.shard SET in_progress = array_remove(in_progress, the_id)
    WHERE queue_id = q AND shard = the_shard AND owner = me AND token = the_token;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM bus.hold(q, the_shard, ARRAY[the_id]);
  UPDATE bus.held_delivery SET failures = failures + 1, last_error = error
    WHERE queue_id = q AND id = the_id RETURNING key INTO the_key;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO bus.held_key (queue_id, shard, key, retry_at)
    VALUES (q, the_shard, the_key, clock_timestamp() + delay_ms * interval '1 millisecond')
    ON CONFLICT (queue_id, shard, key) DO UPDATE SET retry_at = excluded.retry_at;
  RETURN true;
END $$;

-- The message is given up: it moves to the dead letters with the reason, and its key goes on.
CREATE FUNCTION bus.bury(
  queue_name text, me uuid, the_shard smallint, the_token bigint, the_id bigint, reason text, error text,
  counts_as_failure boolean)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  q integer := bus.own(queue_name);
  gone bus.held_delivery;
BEGIN
  UPDATE bus.shard SET in_progress = array_remove(in_progress, the_id)
    WHERE queue_id = q AND shard = the_shard AND owner = me AND token = the_token;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM bus.hold(q, the_shard, ARRAY[the_id]);
  DELETE FROM bus.held_delivery WHERE queue_id = q AND id = the_id RETURNING * INTO gone;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO bus.dead_letter (queue_id, key, type, body, reason, error, failures, crashes, enqueued_at)
    VALUES (q, gone.key, gone.type, gone.body, reason, coalesce(error, gone.last_error),
      gone.failures + counts_as_failure::integer, gone.crashes, gone.enqueued_at);
  RETURN true;
END $$;

CREATE FUNCTION bus.dead_letters(queue_name text, newest integer)
RETURNS TABLE (id bigint, type text, key text, body text, reason text, error text, failures smallint,
  crashes smallint, enqueued_at timestamptz, dead_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  q integer := bus.own(queue_name);
BEGIN
  RETURN QUERY
    SELECT l.id, l.type, l.key, l.body, l.reason, l.error, l.failures, l.crashes, l.enqueued_at, l.dead_at
    FROM bus.dead_letter l WHERE l.queue_id = q ORDER BY l.id DESC LIMIT newest;
END $$;

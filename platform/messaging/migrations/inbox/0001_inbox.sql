-- One row for each message whose effects are committed, or that an operator discarded. It is written in the handler's
-- transaction.
CREATE TABLE inbox (
  consumer text NOT NULL,
  message_id uuid NOT NULL,
  handled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, message_id)
);

-- For the cleanup only: rows arrive in time order, so a block range index costs next to nothing to keep.
CREATE INDEX inbox_handled_at ON inbox USING brin (handled_at) WITH (pages_per_range = 32, autosummarize = on);

-- Keys whose oldest message failed, or is suspected of having ended a process, and waits until `due_at`. While its
-- oldest message is in work the row is locked FOR NO KEY UPDATE; messages are put behind it FOR KEY SHARE, so they
-- do not wait for the handler, only for the moment in which the key is let go.
CREATE TABLE inbox_held_key (
  consumer text NOT NULL,
  key text NOT NULL,
  due_at timestamptz NOT NULL,
  PRIMARY KEY (consumer, key)
);
CREATE INDEX inbox_held_key_due ON inbox_held_key (consumer, due_at);

CREATE SEQUENCE inbox_position;

-- The messages of held keys, handled in the order of `position`. `suspect`: it is in work, or was when a process
-- vanished. `crashes`: processes that vanished while it alone was in work. `forced`: handled even if the inbox knows it.
CREATE TABLE inbox_held (
  consumer text NOT NULL,
  key text NOT NULL,
  position bigint NOT NULL DEFAULT nextval('inbox_position'),
  message_id uuid NOT NULL,
  type text NOT NULL,
  body text NOT NULL,
  enqueued_at timestamptz NOT NULL,
  failures integer NOT NULL DEFAULT 0,
  crashes integer NOT NULL DEFAULT 0,
  suspect boolean NOT NULL DEFAULT false,
  forced boolean NOT NULL DEFAULT false,
  attempts jsonb NOT NULL DEFAULT '[]',
  last_error text,
  PRIMARY KEY (consumer, key, position),
  UNIQUE (consumer, message_id),
  FOREIGN KEY (consumer, key) REFERENCES inbox_held_key
);

-- Messages that were given up. They hold nothing back and stay until somebody redrives or discards them. `position` is
-- the place to which a redriven message returns within its key.
CREATE TABLE inbox_dead_letter (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer text NOT NULL,
  message_id uuid NOT NULL,
  type text NOT NULL,
  key text NOT NULL,
  position bigint NOT NULL DEFAULT nextval('inbox_position'),
  body text NOT NULL,
  reason text NOT NULL,
  last_error text,
  attempts jsonb NOT NULL,
  failures integer NOT NULL,
  crashes integer NOT NULL,
  traceparent text,
  enqueued_at timestamptz NOT NULL,
  dead_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (consumer, message_id)
);

-- What operators did to dead letters, one row a message.
CREATE TABLE inbox_audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  action text NOT NULL CHECK (action IN ('redrive', 'redrive-forced', 'discard')),
  reason text NOT NULL,
  consumer text NOT NULL,
  message_id uuid NOT NULL,
  type text NOT NULL,
  key text NOT NULL,
  dead_reason text NOT NULL
);

-- Remembers messages as handled and returns those that were not known. `is_aside`: its key is held, or it waits or was
-- given up itself, so it must not be handled in this transaction. Whether anything is set aside is looked up after the
-- insert, by statements of their own, which therefore see all that was committed before the insert went through;
-- whoever handles one of these messages later waits for this transaction at its own insert. What is held has a held
-- key, so when the consumer has no such key and no dead letter nothing is aside, and the common case ends there. One
-- plan, made once: the planner settings keep each look-up an index probe while the tables are empty and when they grow.
CREATE FUNCTION inbox_remember(the_consumer text, ids uuid[], keys text[])
RETURNS TABLE (message_id uuid, is_aside boolean) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  fresh uuid[];
BEGIN
  WITH remembered AS (
    -- Sorted, so that two transactions with the same messages cannot wait for each other.
    INSERT INTO inbox (consumer, message_id) SELECT the_consumer, g.id FROM unnest(ids) AS g (id) ORDER BY g.id
    ON CONFLICT DO NOTHING RETURNING inbox.message_id
  )
  SELECT array_agg(r.message_id) INTO fresh FROM remembered r;
  IF NOT EXISTS (SELECT 1 FROM inbox_held_key k WHERE k.consumer = the_consumer)
    AND NOT EXISTS (SELECT 1 FROM inbox_dead_letter d WHERE d.consumer = the_consumer)
  THEN
    RETURN QUERY SELECT f.id, false FROM unnest(fresh) AS f (id);
    RETURN;
  END IF;
  RETURN QUERY
    -- No EXISTS: it might be answered by reading everything of the consumer.
    SELECT g.id, coalesce(
      (SELECT true FROM inbox_held_key k WHERE k.consumer = the_consumer AND k.key = g.key),
      (SELECT true FROM inbox_held h WHERE h.consumer = the_consumer AND h.message_id = g.id),
      (SELECT true FROM inbox_dead_letter d WHERE d.consumer = the_consumer AND d.message_id = g.id),
      false)
    FROM unnest(ids, keys) AS g (id, key) WHERE g.id = ANY (fresh);
END $$;

-- Sets messages aside, in the given order, each at most once: behind the held messages of their key, and, when
-- `starts` is given, of keys that are not held yet too, due now. Returns those that need nothing more: they wait,
-- were given up or were handled.
CREATE FUNCTION inbox_set_aside(
  the_consumer text, ids uuid[], keys text[], types text[], bodies text[], enqueued timestamptz[], suspects boolean[],
  starts boolean)
RETURNS SETOF uuid LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  wanted integer := (SELECT count(DISTINCT k) FROM unnest(keys) AS k);
  locked integer;
BEGIN
  LOOP
    IF starts THEN
      INSERT INTO inbox_held_key (consumer, key, due_at)
        SELECT the_consumer, k, clock_timestamp() FROM (SELECT DISTINCT unnest(keys) AS k) AS each ORDER BY k
        ON CONFLICT DO NOTHING;
    END IF;
    PERFORM 1 FROM inbox_held_key k WHERE k.consumer = the_consumer AND k.key = ANY (keys) ORDER BY k.key FOR KEY SHARE;
    GET DIAGNOSTICS locked = ROW_COUNT;
    -- A key may be let go between the two statements.
    EXIT WHEN locked = wanted OR NOT starts;
  END LOOP;
  INSERT INTO inbox_held (consumer, key, message_id, type, body, enqueued_at, suspect)
    SELECT the_consumer, m.key, m.id, m.type, m.body, m.enqueued, m.suspect
    FROM unnest(ids, keys, types, bodies, enqueued, suspects) WITH ORDINALITY
      AS m (id, key, type, body, enqueued, suspect, place)
    WHERE EXISTS (SELECT 1 FROM inbox_held_key k WHERE k.consumer = the_consumer AND k.key = m.key)
      AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.consumer = the_consumer AND i.message_id = m.id)
      AND NOT EXISTS (SELECT 1 FROM inbox_dead_letter d WHERE d.consumer = the_consumer AND d.message_id = m.id)
    ORDER BY m.place
    ON CONFLICT (consumer, message_id) DO NOTHING;
  RETURN QUERY
    SELECT m.id FROM unnest(ids) AS m (id)
    WHERE EXISTS (SELECT 1 FROM inbox_held h WHERE h.consumer = the_consumer AND h.message_id = m.id)
      OR EXISTS (SELECT 1 FROM inbox i WHERE i.consumer = the_consumer AND i.message_id = m.id)
      OR EXISTS (SELECT 1 FROM inbox_dead_letter d WHERE d.consumer = the_consumer AND d.message_id = m.id);
END $$;

-- The message failed just now: it is tried again after `delay_ms`, and its key is held until then. A crash that was
-- counted when it began is taken back.
CREATE FUNCTION inbox_fail(
  the_consumer text, the_id uuid, the_key text, the_type text, the_body text, enqueued timestamptz, attempt jsonb,
  error text, delay_ms integer, counted_crashes integer)
RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  INSERT INTO inbox_held_key AS k (consumer, key, due_at)
    VALUES (the_consumer, the_key, clock_timestamp() + delay_ms * interval '1 millisecond')
    ON CONFLICT (consumer, key) DO UPDATE SET due_at = excluded.due_at;
  INSERT INTO inbox_held AS h (
      consumer, key, message_id, type, body, enqueued_at, failures, attempts, last_error)
    SELECT the_consumer, the_key, the_id, the_type, the_body, enqueued, 1, jsonb_build_array(attempt), error
    WHERE NOT EXISTS (SELECT 1 FROM inbox_dead_letter d WHERE d.consumer = the_consumer AND d.message_id = the_id)
    ON CONFLICT (consumer, message_id) DO UPDATE SET
      failures = h.failures + 1, last_error = error, suspect = false,
      crashes = greatest(h.crashes - counted_crashes, 0),
      attempts = inbox_add_attempt(h.attempts, attempt);
END $$;

-- The last 20 attempts.
CREATE FUNCTION inbox_add_attempt(attempts jsonb, attempt jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN attempt IS NULL THEN attempts
    ELSE (CASE WHEN jsonb_array_length(attempts) >= 20 THEN attempts - 0 ELSE attempts END) || attempt END;
$$;

-- The message is given up: it moves to the dead letters with the reason, and its key goes on. `attempt` is given when
-- it failed just now.
CREATE FUNCTION inbox_bury(
  the_consumer text, the_id uuid, the_key text, the_type text, the_body text, enqueued timestamptz, trace text,
  why text, attempt jsonb, error text, counted_crashes integer)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  gone inbox_held;
BEGIN
  DELETE FROM inbox_held h WHERE h.consumer = the_consumer AND h.message_id = the_id RETURNING * INTO gone;
  IF gone.forced IS NOT TRUE AND EXISTS (
      SELECT 1 FROM inbox i WHERE i.consumer = the_consumer AND i.message_id = the_id) THEN
    RETURN false;
  END IF;
  INSERT INTO inbox_dead_letter (
      consumer, message_id, type, key, position, body, reason, last_error, attempts, failures, crashes, traceparent,
      enqueued_at)
    VALUES (the_consumer, the_id, the_type, the_key, coalesce(gone.position, nextval('inbox_position')), the_body, why,
      coalesce(error, gone.last_error), inbox_add_attempt(coalesce(gone.attempts, '[]'), attempt),
      coalesce(gone.failures, 0) + (attempt IS NOT NULL)::integer,
      greatest(coalesce(gone.crashes, 0) - counted_crashes, 0), trace, enqueued)
    ON CONFLICT (consumer, message_id) DO NOTHING;
  UPDATE inbox_held_key k SET due_at = clock_timestamp()
    WHERE gone.message_id IS NOT NULL AND k.consumer = the_consumer AND k.key = the_key;
  RETURN true;
END $$;

-- Takes the oldest messages of a key that is due. They are marked as in work and the key is not due again for a moment,
-- in which the caller begins the transaction that locks it: when the caller vanishes, the next one finds suspects. A
-- suspect is handed out only to a caller that works on nothing else (`alone`), by itself, and its crash is counted
-- before it begins. `suspect` and `crashes` are as they were.
CREATE FUNCTION inbox_take_due(the_consumer text, max_messages integer, alone boolean)
RETURNS SETOF inbox_held LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  the_key text;
  one inbox_held;
  taken bigint[] := '{}';
  crashes_before integer := 0;
BEGIN
  SELECT k.key INTO the_key FROM inbox_held_key k
    WHERE k.consumer = the_consumer AND k.due_at <= clock_timestamp()
    ORDER BY k.due_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  FOR one IN
    SELECT * FROM inbox_held h WHERE h.consumer = the_consumer AND h.key = the_key ORDER BY h.position LIMIT max_messages
  LOOP
    -- What is suspected or failed before goes by itself.
    EXIT WHEN taken <> '{}' AND (one.suspect OR one.failures > 0);
    RETURN NEXT one;
    IF one.suspect AND NOT alone THEN RETURN; END IF;
    taken := taken || one.position;
    crashes_before := CASE WHEN one.suspect THEN one.crashes + 1 ELSE 0 END;
    EXIT WHEN one.suspect OR one.failures > 0;
  END LOOP;
  IF taken = '{}' THEN
    PERFORM inbox_let_go(the_consumer, the_key);
    RETURN;
  END IF;
  UPDATE inbox_held h SET suspect = true, crashes = h.crashes + (h.suspect)::integer
    WHERE h.consumer = the_consumer AND h.key = the_key AND h.position = ANY (taken);
  UPDATE inbox_held_key k SET due_at = clock_timestamp() + (1 + crashes_before) * interval '1 second'
    WHERE k.consumer = the_consumer AND k.key = the_key;
END $$;

-- The opposite of `inbox_take_due`, when the process lives and nothing of it was done.
CREATE FUNCTION inbox_put_back(the_consumer text, ids uuid[], were_suspect boolean, delay_ms integer) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  UPDATE inbox_held h SET suspect = were_suspect, crashes = greatest(h.crashes - were_suspect::integer, 0)
    WHERE h.consumer = the_consumer AND h.message_id = ANY (ids);
  UPDATE inbox_held_key k SET due_at = clock_timestamp() + delay_ms * interval '1 millisecond'
    WHERE k.consumer = the_consumer
      AND k.key IN (SELECT h.key FROM inbox_held h WHERE h.consumer = the_consumer AND h.message_id = ANY (ids));
END $$;

-- Begins the transaction in which held messages are handled: locks their key and returns those that still wait and
-- were not handled before. Null when another process has the key.
CREATE FUNCTION inbox_resume(the_consumer text, the_key text, ids uuid[]) RETURNS uuid[]
LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  fresh uuid[];
BEGIN
  PERFORM 1 FROM inbox_held_key k WHERE k.consumer = the_consumer AND k.key = the_key FOR NO KEY UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN NULL; END IF;
  DELETE FROM inbox i USING inbox_held h
    WHERE h.consumer = the_consumer AND h.message_id = ANY (ids) AND h.forced
      AND i.consumer = the_consumer AND i.message_id = h.message_id;
  WITH remembered AS (
    INSERT INTO inbox (consumer, message_id)
      SELECT the_consumer, h.message_id FROM inbox_held h
      WHERE h.consumer = the_consumer AND h.message_id = ANY (ids) ORDER BY h.message_id
    ON CONFLICT DO NOTHING RETURNING message_id
  )
  SELECT coalesce(array_agg(message_id), '{}') INTO fresh FROM remembered;
  RETURN fresh;
END $$;

-- Ends it: they wait no more, and the next of the key is due, if there is one.
CREATE FUNCTION inbox_finish(the_consumer text, the_key text, ids uuid[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  DELETE FROM inbox_held h WHERE h.consumer = the_consumer AND h.message_id = ANY (ids);
  UPDATE inbox_held_key k SET due_at = clock_timestamp() WHERE k.consumer = the_consumer AND k.key = the_key;
  PERFORM inbox_let_go(the_consumer, the_key);
END $$;

-- Lets the key go if nothing of it waits. The lock waits for whoever is putting a message behind it right now, and the
-- statement after the lock sees that message.
CREATE FUNCTION inbox_let_go(the_consumer text, the_key text) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM 1 FROM inbox_held h WHERE h.consumer = the_consumer AND h.key = the_key LIMIT 1;
  IF FOUND THEN RETURN; END IF;
  PERFORM 1 FROM inbox_held_key k WHERE k.consumer = the_consumer AND k.key = the_key FOR UPDATE;
  DELETE FROM inbox_held_key k WHERE k.consumer = the_consumer AND k.key = the_key AND NOT EXISTS (
    SELECT 1 FROM inbox_held h WHERE h.consumer = the_consumer AND h.key = the_key);
END $$;

-- Dead letters go back to the held messages of their key, at their old places, to be tried from the start. What crashed
-- its process runs alone from the first attempt on. Returns how many.
CREATE FUNCTION inbox_redrive(letters bigint[], by_whom text, why text, be_forced boolean) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  wanted integer;
  locked integer;
BEGIN
  -- Locked, so that two operators do not both move one.
  PERFORM 1 FROM inbox_dead_letter d WHERE d.id = ANY (letters) ORDER BY d.id FOR UPDATE;
  SELECT count(DISTINCT (d.consumer, d.key)) INTO wanted FROM inbox_dead_letter d WHERE d.id = ANY (letters);
  LOOP
    INSERT INTO inbox_held_key (consumer, key, due_at)
      SELECT DISTINCT d.consumer, d.key, clock_timestamp() FROM inbox_dead_letter d WHERE d.id = ANY (letters)
      ORDER BY d.consumer, d.key ON CONFLICT DO NOTHING;
    PERFORM 1 FROM inbox_held_key k
      WHERE (k.consumer, k.key) IN (SELECT d.consumer, d.key FROM inbox_dead_letter d WHERE d.id = ANY (letters))
      ORDER BY k.consumer, k.key FOR KEY SHARE;
    GET DIAGNOSTICS locked = ROW_COUNT;
    -- A key may be let go between the two statements.
    EXIT WHEN locked = wanted;
  END LOOP;
  INSERT INTO inbox_held (
      consumer, key, position, message_id, type, body, enqueued_at, suspect, forced, attempts, last_error)
    SELECT d.consumer, d.key, d.position, d.message_id, d.type, d.body, d.enqueued_at, d.crashes > 0, be_forced,
      d.attempts, d.last_error
    FROM inbox_dead_letter d WHERE d.id = ANY (letters) ORDER BY d.position
    ON CONFLICT (consumer, message_id) DO NOTHING;
  RETURN inbox_close_letters(
    letters, by_whom, why, CASE WHEN be_forced THEN 'redrive-forced' ELSE 'redrive' END);
END $$;

-- Dead letters are forgotten; a late duplicate of one has no effect. Returns how many.
CREATE FUNCTION inbox_discard(letters bigint[], by_whom text, why text) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  INSERT INTO inbox (consumer, message_id)
    SELECT d.consumer, d.message_id FROM inbox_dead_letter d WHERE d.id = ANY (letters)
    ORDER BY d.consumer, d.message_id ON CONFLICT DO NOTHING;
  RETURN inbox_close_letters(letters, by_whom, why, 'discard');
END $$;

CREATE FUNCTION inbox_close_letters(letters bigint[], by_whom text, why text, what text) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  closed integer;
BEGIN
  WITH gone AS (
    DELETE FROM inbox_dead_letter d WHERE d.id = ANY (letters) RETURNING d.*
  )
  INSERT INTO inbox_audit (actor, action, reason, consumer, message_id, type, key, dead_reason)
    SELECT by_whom, what, why, g.consumer, g.message_id, g.type, g.key, g.reason FROM gone g ORDER BY g.position;
  GET DIAGNOSTICS closed = ROW_COUNT;
  RETURN closed;
END $$;

-- A message whose type the processes that looked at it do not handle waits for one that does, first in its key: while
-- old and new versions of a service run side by side, each knows types that the other does not. `waits_for`: that type;
-- then `due_at` is when the waiting ends, and a process that handles the type need not wait for it. `held_since`: when
-- the message was set aside.
ALTER TABLE inbox_held ADD COLUMN held_since timestamptz NOT NULL DEFAULT now();
ALTER TABLE inbox_held ALTER COLUMN held_since SET DEFAULT clock_timestamp();
ALTER TABLE inbox_held_key ADD COLUMN waits_for text;
CREATE INDEX inbox_held_key_waits_for ON inbox_held_key (consumer, waits_for) WHERE waits_for IS NOT NULL;

-- As before (0001); keys that wait for one of `known_types` come first. `waited_ms`: since when it is held, if its key
-- waited for a type. The function without types stays for processes that have not been replaced yet.
CREATE FUNCTION inbox_take_due(the_consumer text, max_messages integer, alone boolean, known_types text[])
RETURNS TABLE (message_id uuid, key text, type text, body text, enqueued_at timestamptz, failures integer,
  crashes integer, suspect boolean, waited_ms double precision)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  the_key text;
  waited boolean;
  one inbox_held;
  taken bigint[] := '{}';
  crashes_before integer := 0;
BEGIN
  SELECT k.key, true INTO the_key, waited FROM inbox_held_key k
    WHERE k.consumer = the_consumer AND k.waits_for IS NOT NULL AND k.waits_for = ANY (known_types)
    LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    SELECT k.key, k.waits_for IS NOT NULL INTO the_key, waited FROM inbox_held_key k
      WHERE k.consumer = the_consumer AND k.due_at <= clock_timestamp()
      ORDER BY k.due_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN RETURN; END IF;
  END IF;
  FOR one IN
    SELECT * FROM inbox_held h WHERE h.consumer = the_consumer AND h.key = the_key ORDER BY h.position LIMIT max_messages
  LOOP
    -- What is suspected or failed before goes by itself.
    EXIT WHEN taken <> '{}' AND (one.suspect OR one.failures > 0);
    RETURN QUERY SELECT one.message_id, one.key, one.type, one.body, one.enqueued_at, one.failures, one.crashes,
      one.suspect, CASE WHEN waited THEN extract(epoch FROM clock_timestamp() - one.held_since)::float8 * 1000 END;
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
  UPDATE inbox_held_key k
    SET due_at = clock_timestamp() + (1 + crashes_before) * interval '1 second', waits_for = NULL
    WHERE k.consumer = the_consumer AND k.key = the_key;
END $$;

-- The opposite of `inbox_take_due`, when the first of the key has a type that the caller does not handle: the key waits
-- for a process that does until the message is held for `max_ms`, but at least `min_ms` from now.
CREATE FUNCTION inbox_wait(
  the_consumer text, the_key text, the_id uuid, the_type text, was_suspect boolean, max_ms double precision,
  min_ms double precision)
RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  first inbox_held;
BEGIN
  PERFORM 1 FROM inbox_held_key k WHERE k.consumer = the_consumer AND k.key = the_key FOR NO KEY UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  UPDATE inbox_held h SET suspect = was_suspect, crashes = greatest(h.crashes - was_suspect::integer, 0)
    WHERE h.consumer = the_consumer AND h.message_id = the_id;
  SELECT * INTO first FROM inbox_held h WHERE h.consumer = the_consumer AND h.key = the_key ORDER BY h.position LIMIT 1;
  UPDATE inbox_held_key k SET
      waits_for = the_type,
      due_at = greatest(
        first.held_since + max_ms * interval '1 millisecond', clock_timestamp() + min_ms * interval '1 millisecond')
    WHERE k.consumer = the_consumer AND k.key = the_key AND first.message_id = the_id;
END $$;

-- As before (0001); a key that waits for a type is looked at again: what is redriven may come before it.
CREATE OR REPLACE FUNCTION inbox_redrive(letters bigint[], by_whom text, why text, be_forced boolean) RETURNS integer
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
  UPDATE inbox_held_key k SET waits_for = NULL, due_at = clock_timestamp()
    WHERE (k.consumer, k.key) IN (SELECT d.consumer, d.key FROM inbox_dead_letter d WHERE d.id = ANY (letters))
      AND k.waits_for IS NOT NULL;
  RETURN inbox_close_letters(
    letters, by_whom, why, CASE WHEN be_forced THEN 'redrive-forced' ELSE 'redrive' END);
END $$;

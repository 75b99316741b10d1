-- As before (0002), for a caller that says how long it may take to begin: for so long nobody takes its silence for a
-- crash. The function without it stays for processes that have not been replaced yet.
CREATE FUNCTION inbox_take_due(
  the_consumer text, max_messages integer, alone boolean, known_types text[], begins_within_ms double precision)
RETURNS TABLE (message_id uuid, key text, type text, body text, enqueued_at timestamptz, failures integer,
  crashes integer, suspect boolean, waited_ms double precision)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  the_key text;
BEGIN
  FOR message_id, key, type, body, enqueued_at, failures, crashes, suspect, waited_ms IN
    SELECT * FROM inbox_take_due(the_consumer, max_messages, alone, known_types)
  LOOP
    the_key := key;
    RETURN NEXT;
  END LOOP;
  -- Not what was only shown, which is still due.
  UPDATE inbox_held_key k
    SET due_at = k.due_at + greatest(begins_within_ms - 1000, 0) * interval '1 millisecond'
    WHERE k.consumer = the_consumer AND k.key = the_key AND k.due_at > clock_timestamp();
END $$;

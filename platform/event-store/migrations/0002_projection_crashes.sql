-- Who handles events of a generation, noted before they are: a name that is still there when the row is free means that
-- its process ended over them.
ALTER TABLE projection_generation
  ADD COLUMN worked_by     text,
  ADD COLUMN worked_at     timestamptz,
  -- How many events it may have had in hand.
  ADD COLUMN worked_events integer,
  -- So many events from here are handled one by one, because a process ended over one of them.
  ADD COLUMN alone         integer NOT NULL DEFAULT 0,
  -- How many processes have ended over the next event while they had no other in hand.
  ADD COLUMN crashes       integer NOT NULL DEFAULT 0;

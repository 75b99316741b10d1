-- A queue that is declared anew, because the bus was restored without it, begins with tokens that no lease of before
-- had: what consumers still hold of the former one is not taken for theirs.
ALTER TABLE bus.shard ALTER COLUMN token SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint;

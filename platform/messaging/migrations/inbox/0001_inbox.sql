-- One row for each message whose effects are committed. It is written in the handler's transaction.
CREATE TABLE inbox (
  consumer text NOT NULL,
  message_id uuid NOT NULL,
  handled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, message_id)
);

-- For the cleanup only: rows arrive in time order, so a block range index costs next to nothing to keep.
CREATE INDEX inbox_handled_at ON inbox USING brin (handled_at) WITH (pages_per_range = 32, autosummarize = on);

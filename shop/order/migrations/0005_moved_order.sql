-- Orders of the monolith that the order service has taken over. `staged`: copied, but the monolith still decides, or it is not known
-- yet that it has let go. `live`: decided here. `cancelling`: decided here to be cancelled, and the monolith does not know yet.
CREATE TABLE moved_order (
  number         integer PRIMARY KEY,
  customer_id    text NOT NULL,
  -- Of the monolith's row that it was copied from.
  source_version integer NOT NULL,
  stage          text NOT NULL CHECK (stage IN ('staged', 'live', 'cancelling')),
  -- As customers see it, but for its id.
  content        jsonb NOT NULL,
  cancelled_at   timestamptz(3),
  cancel_reason  text,
  moved_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((stage = 'cancelling') <= (cancelled_at IS NOT NULL)),
  CHECK ((cancelled_at IS NULL) = (cancel_reason IS NULL))
);
CREATE INDEX moved_order_under_way ON moved_order (number) WHERE stage <> 'live';

ALTER TABLE moved_order ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON moved_order USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || customer_id));

-- One row: what is wanted of the move, and what came of it. `moving`: order after order, new ones too. `closed`: the monolith takes
-- no orders any more, and the last ones are moved.
CREATE TABLE legacy_move (
  is_only    boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  wanted     text NOT NULL DEFAULT 'off' CHECK (wanted IN ('off', 'moving', 'closed')),
  is_done    boolean NOT NULL DEFAULT false,
  -- { moved, left, different: [number], missing: [number] } of the last comparison.
  report     jsonb,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO legacy_move DEFAULT VALUES;

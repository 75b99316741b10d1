-- Who wants to be erased, or was. A row that is done stays: it holds no more than an id that means nothing to anybody, and by it
-- what comes late is not kept again.
CREATE TABLE erasure (
  -- 256 bits of chance, of which whoever asked is told: nobody has a token any more who was erased.
  id           text COLLATE "C" PRIMARY KEY,
  user_id      text COLLATE "C" NOT NULL,
  -- What services need that do not know people by their id; forgotten at the end.
  email        text,
  order_ids    text[] NOT NULL DEFAULT '{}',
  status       text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'refused')),
  reason       text,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at     timestamptz,
  CHECK ((status = 'refused') = (reason IS NOT NULL)),
  CHECK ((status = 'running') = (ended_at IS NULL)),
  CHECK (status = 'running' OR (email IS NULL AND order_ids = '{}'))
);
CREATE UNIQUE INDEX erasure_one_a_person ON erasure (user_id) WHERE status <> 'refused';

-- What each service has erased, and what it keeps and why: [{ what, why }].
CREATE TABLE erasure_part (
  erasure_id text COLLATE "C" NOT NULL REFERENCES erasure,
  service    text NOT NULL,
  erased     text[] NOT NULL,
  kept       jsonb NOT NULL,
  number     integer GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (erasure_id, service)
);

CREATE TABLE person_export (
  id           uuid PRIMARY KEY,
  user_id      text COLLATE "C" NOT NULL,
  email        text NOT NULL,
  order_ids    text[] NOT NULL DEFAULT '{}',
  status       text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'ready', 'failed')),
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX person_export_one_runs ON person_export (user_id) WHERE status = 'running';
CREATE INDEX person_export_by_age ON person_export (requested_at);

CREATE TABLE person_export_part (
  export_id uuid NOT NULL,
  user_id   text COLLATE "C" NOT NULL,
  service   text NOT NULL,
  data      json NOT NULL,
  PRIMARY KEY (export_id, service)
);

ALTER TABLE person_export ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON person_export USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || user_id));

ALTER TABLE person_export_part ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON person_export_part USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || user_id));

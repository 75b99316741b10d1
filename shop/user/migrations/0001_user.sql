-- One row a person: what they say of themselves. Who may log in, and as what, is identity's.
CREATE TABLE profile (
  user_id         text COLLATE "C" PRIMARY KEY,
  email           text NOT NULL,
  name            text NOT NULL,
  locale          text NOT NULL DEFAULT 'en',
  notify_orders   boolean NOT NULL DEFAULT true,
  notify_shipping boolean NOT NULL DEFAULT true,
  -- Grows with each change; others keep copies by it.
  version         integer NOT NULL DEFAULT 1 CHECK (version > 0),
  registered_at   timestamptz NOT NULL
);

CREATE TABLE address (
  id          uuid PRIMARY KEY,
  user_id     text COLLATE "C" NOT NULL,
  name        text NOT NULL,
  line1       text NOT NULL,
  city        text NOT NULL,
  postal_code text NOT NULL,
  country     text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  version     integer NOT NULL DEFAULT 1 CHECK (version > 0)
);
CREATE INDEX address_by_user ON address (user_id, id);

-- In the name of a user nobody reads or writes a row of another, whatever a statement says or forgets. Without one the system itself works.
ALTER TABLE profile ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON profile USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || user_id));

ALTER TABLE address ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON address USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || user_id));

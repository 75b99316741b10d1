-- How somebody wants to be written to: a copy of what the user service keeps. Who has no row has chosen nothing.
CREATE TABLE recipient (
  user_id         text COLLATE "C" PRIMARY KEY,
  locale          text NOT NULL,
  notify_orders   boolean NOT NULL,
  notify_shipping boolean NOT NULL,
  -- Of the profile that it was copied from.
  version         integer NOT NULL
);

-- Mails that were written before have only their text.
ALTER TABLE mail ADD COLUMN html text;
-- Whose mail it is, where that is known.
ALTER TABLE mail ADD COLUMN user_id text COLLATE "C";
CREATE INDEX mail_by_user ON mail (user_id) WHERE user_id IS NOT NULL;

-- In the name of a user nobody reads or writes a row of another, whatever a statement says or forgets. Without one the system itself works.
ALTER TABLE recipient ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON recipient USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || user_id));

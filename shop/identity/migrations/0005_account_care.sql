-- Rises with the password: what was made for an earlier version (a link in a mail, a login half done) is good for nothing.
ALTER TABLE account ADD COLUMN version integer NOT NULL DEFAULT 1;
ALTER TABLE account ADD COLUMN email_verified_at timestamptz;
ALTER TABLE account ADD COLUMN disabled_at timestamptz;

-- Links in mails, one for each purpose: a newer one replaces the one before. Only hashes of their tokens.
CREATE TABLE account_link (
  account_id      uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  purpose         text NOT NULL CHECK (purpose IN ('reset-password', 'verify-email')),
  token_hash      bytea NOT NULL UNIQUE,
  account_version integer NOT NULL,
  expires_at      timestamptz NOT NULL,
  PRIMARY KEY (account_id, purpose)
);
CREATE INDEX account_link_by_expiry ON account_link (expires_at);

-- Somebody typed in an address to get back into its account. Looked at later, so that the answer knows nothing of it.
CREATE TABLE reset_request (
  id        uuid PRIMARY KEY,
  email_key text NOT NULL,
  asked_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reset_request_by_time ON reset_request (asked_at);

-- When what somebody did too often will have been forgotten (GCRA). Takes the place of sign_up_pace, which processes of
-- the release before still write to.
CREATE TABLE pace (
  subject      text PRIMARY KEY,
  forgotten_at timestamptz NOT NULL
);
CREATE INDEX pace_by_age ON pace (forgotten_at);

-- Where an account was signed in from: elsewhere its owner is told.
CREATE TABLE sign_in_place (
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  device     text NOT NULL,
  address    text NOT NULL,
  seen_at    timestamptz NOT NULL,
  PRIMARY KEY (account_id, device, address)
);
CREATE INDEX sign_in_place_by_age ON sign_in_place (seen_at);

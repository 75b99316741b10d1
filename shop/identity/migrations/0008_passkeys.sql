-- Passkeys (WebAuthn) of accounts: with one somebody signs in without the password, or after it.
CREATE TABLE passkey (
  id           text COLLATE "C" PRIMARY KEY,
  account_id   uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  public_key   bytea NOT NULL,
  -- As its authenticator counts: it rises with each use, or is always 0.
  counter      bigint NOT NULL,
  transports   text[] NOT NULL,
  -- Whether it may be on several devices of its owner.
  is_synced    boolean NOT NULL,
  name         text NOT NULL,
  created_at   timestamptz NOT NULL,
  last_used_at timestamptz
);
CREATE INDEX passkey_by_account ON passkey (account_id);

ALTER TABLE passkey ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON passkey USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || account_id));

-- Challenges that were answered: each is good for one answer.
CREATE TABLE used_challenge (
  challenge_hash bytea PRIMARY KEY,
  expires_at     timestamptz NOT NULL
);
CREATE INDEX used_challenge_by_expiry ON used_challenge (expires_at);

-- An account with passkeys and no app has a row as well: its recovery codes hang on it, and wrong ones are counted there.
ALTER TABLE second_factor ALTER COLUMN sealed_secret DROP NOT NULL;

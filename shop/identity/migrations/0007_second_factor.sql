-- A second factor of an account: an authenticator app (RFC 6238). The secret is sealed; it counts once a code of it was shown.
CREATE TABLE second_factor (
  account_id    uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
  sealed_secret bytea NOT NULL,
  confirmed_at  timestamptz,
  -- Of the last code that was taken: it and those before are used up.
  last_step     bigint NOT NULL DEFAULT 0,
  -- Wrong codes in a row, counted under the lock of this row: of many at once each is one.
  failures      integer NOT NULL DEFAULT 0,
  failed_at     timestamptz,
  blocked_until timestamptz
);

-- For whoever has lost the app: each works once. Hashes of 80 random bits.
CREATE TABLE recovery_code (
  account_id uuid NOT NULL REFERENCES second_factor ON DELETE CASCADE,
  code_hash  bytea NOT NULL,
  PRIMARY KEY (account_id, code_hash)
);

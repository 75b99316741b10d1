-- One row per account. email_key is what makes two spellings the same address; email is what to write to.
CREATE TABLE account (
  id            uuid PRIMARY KEY,
  email         text NOT NULL,
  email_key     text NOT NULL UNIQUE,
  name          text NOT NULL,
  role          text NOT NULL CHECK (role IN ('Customer', 'Admin')),
  tenant_id     text,
  permissions   text[] NOT NULL,
  password_hash text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now()
);

-- A login and all refresh tokens that came out of it. Revoking the family ends them together.
CREATE TABLE refresh_family (
  id         uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX refresh_family_by_account ON refresh_family (account_id);
CREATE INDEX refresh_family_by_expiry ON refresh_family (expires_at);

-- Only hashes: who reads this table cannot log in. Used tokens stay, so that a replay is recognised.
CREATE TABLE refresh_token (
  token_hash bytea PRIMARY KEY,
  family_id  uuid NOT NULL REFERENCES refresh_family ON DELETE CASCADE,
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);
CREATE INDEX refresh_token_by_family ON refresh_token (family_id);

-- Failed logins per subject (an account, or a network address). Success or time makes them forgotten.
CREATE TABLE login_failure (
  subject       text PRIMARY KEY,
  failures      integer NOT NULL,
  failed_at     timestamptz NOT NULL,
  blocked_until timestamptz NOT NULL
);
CREATE INDEX login_failure_by_age ON login_failure (failed_at);

-- Where an account has logged in from: there, failures of others elsewhere do not slow its owner down.
CREATE TABLE known_address (
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  address    text NOT NULL,
  seen_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, address)
);
CREATE INDEX known_address_by_age ON known_address (seen_at);

-- Keys that sign access tokens. The private part is sealed with KEY_ENCRYPTION_KEY (AES-256-GCM).
CREATE TABLE signing_key (
  kid                text PRIMARY KEY,
  public_jwk         jsonb NOT NULL,
  sealed_private_key bytea NOT NULL,
  signs_from         timestamptz NOT NULL,
  created_at         timestamptz NOT NULL DEFAULT now()
);

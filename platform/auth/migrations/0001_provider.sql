-- A login and what came of it. Where it ends, all ends that names it. idle_until never passes expires_at.
CREATE TABLE auth_session (
  id           text PRIMARY KEY,
  account_id   text NOT NULL,
  -- Clients that were signed in to by it: they are told of its end.
  client_ids   text[] NOT NULL DEFAULT '{}',
  device       text,
  address      text,
  created_at   timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  idle_until   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  end_reason   text
);
CREATE INDEX auth_session_by_account ON auth_session (account_id) WHERE ended_at IS NULL;
CREATE INDEX auth_session_by_idle_end ON auth_session (idle_until) WHERE ended_at IS NULL;
CREATE INDEX auth_session_by_end ON auth_session (ended_at) WHERE ended_at IS NOT NULL;

-- Codes, tokens, grants, cookies' sessions. An id is a bearer's secret, so only its hash is here.
CREATE TABLE auth_record (
  model       text NOT NULL,
  id_hash     bytea NOT NULL,
  payload     jsonb NOT NULL,
  grant_id    text,
  session_id  text,
  uid         text,
  consumed_at timestamptz,
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (model, id_hash)
);
CREATE INDEX auth_record_by_grant ON auth_record (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX auth_record_by_session ON auth_record (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX auth_record_by_uid ON auth_record (uid) WHERE uid IS NOT NULL;
CREATE INDEX auth_record_by_expiry ON auth_record (expires_at);

-- A client that must hear that a session ended (OpenID Connect Back-Channel Logout), until it has or is given up.
CREATE TABLE auth_logout_notice (
  id              text PRIMARY KEY,
  client_id       text NOT NULL,
  account_id      text NOT NULL,
  session_id      text NOT NULL,
  created_at      timestamptz NOT NULL,
  attempts        integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL,
  last_problem    text,
  settled_at      timestamptz,
  delivered       boolean
);
CREATE INDEX auth_logout_notice_due ON auth_logout_notice (next_attempt_at) WHERE settled_at IS NULL;
CREATE INDEX auth_logout_notice_settled ON auth_logout_notice (settled_at) WHERE settled_at IS NOT NULL;

-- Secrets of confidential clients. More than one may hold at a time: that is how they are exchanged without a gap.
CREATE TABLE auth_client_secret (
  client_id     text NOT NULL,
  secret_sha256 bytea NOT NULL,
  created_at    timestamptz NOT NULL,
  expires_at    timestamptz,
  PRIMARY KEY (client_id, secret_sha256)
);

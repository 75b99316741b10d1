-- Somebody who is signed in in a browser. The id is a bearer's secret, so only its hash is here; tokens and what is known of the user are sealed.
CREATE TABLE bff_session (
  id_hash           bytea PRIMARY KEY,
  -- Raised by each exchange of tokens: what was read before it writes nothing after it.
  version           integer NOT NULL DEFAULT 1,
  subject           text NOT NULL,
  -- The session at the issuer, by which its end is told.
  issuer_session    text,
  sealed            bytea NOT NULL,
  access_expires_at timestamptz NOT NULL,
  created_at        timestamptz NOT NULL,
  idle_until        timestamptz NOT NULL,
  ends_at           timestamptz NOT NULL
);
CREATE INDEX bff_session_by_issuer_session ON bff_session (issuer_session) WHERE issuer_session IS NOT NULL;
CREATE INDEX bff_session_by_subject ON bff_session (subject);
CREATE INDEX bff_session_by_idle_end ON bff_session (idle_until);

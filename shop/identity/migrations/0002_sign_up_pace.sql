-- When the sign-ups of a network address will have been forgotten, at one each few seconds (GCRA).
CREATE TABLE sign_up_pace (
  address      text PRIMARY KEY,
  forgotten_at timestamptz NOT NULL
);
CREATE INDEX sign_up_pace_by_age ON sign_up_pace (forgotten_at);

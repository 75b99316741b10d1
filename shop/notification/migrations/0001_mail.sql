-- A mail is written in the transaction that handles the message it is about; its id follows from the message's.
CREATE TABLE mail (
  id              uuid PRIMARY KEY,
  number          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  recipient       text NOT NULL,
  subject         text NOT NULL,
  body            text NOT NULL,
  -- queued: to be sent by SMTP. sent: an SMTP server took it. failed: it never will. delivered: kept here, there is no SMTP.
  state           text NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'delivered')),
  attempts        integer NOT NULL DEFAULT 0,
  -- While a sender works on a mail this lies ahead, so no other takes it; if that sender dies, it comes due again.
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  last_error      text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  sent_at         timestamptz
);
CREATE INDEX mail_due ON mail (next_attempt_at) WHERE state = 'queued';
CREATE INDEX mail_by_recipient ON mail (lower(recipient), number DESC);

-- One payment per order. Its id is the idempotency key at the provider, so an order can never be charged
-- under two keys. A row without an amount is a tombstone: the order was closed before it was ever charged.
CREATE TABLE payment (
  id                 uuid PRIMARY KEY,
  order_id           text NOT NULL UNIQUE,
  customer_id        text,
  status             text NOT NULL
    CHECK (status IN ('pending', 'captured', 'declined', 'voiding', 'voided', 'refunding', 'refunded')),
  amount_minor       bigint CHECK (amount_minor >= 0),
  currency           text CHECK (currency ~ '^[A-Z]{3}$'),
  -- A reference to the means of payment, kept only while it may still be needed.
  provider_token     text,
  provider_charge_id text UNIQUE,
  decline_reason     text,
  -- The order runs by events: this service charges by itself, and tells how it ended.
  by_events          boolean NOT NULL DEFAULT false,
  -- The trace it belongs to, for what is done for it in the background.
  traceparent        text,
  -- How often somebody took up this payment to talk to the provider.
  attempts           integer NOT NULL DEFAULT 0,
  -- Whoever holds the lease talks to the provider; expiry is judged by the database's clock.
  lease_holder       uuid,
  lease_until        timestamptz,
  -- When the resolver looks at it next, if it is still open then.
  check_after        timestamptz NOT NULL DEFAULT clock_timestamp(),
  checks             integer NOT NULL DEFAULT 0,
  created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((amount_minor IS NULL) = (currency IS NULL)),
  CHECK (amount_minor IS NOT NULL OR status = 'voided'),
  CHECK (provider_token IS NULL OR status = 'pending'),
  CHECK ((provider_charge_id IS NOT NULL) = (status IN ('captured', 'refunding', 'refunded'))),
  CHECK ((decline_reason IS NOT NULL) = (status = 'declined')),
  CHECK ((lease_holder IS NULL) = (lease_until IS NULL))
);

CREATE INDEX payment_open ON payment (check_after) WHERE status IN ('pending', 'voiding', 'refunding');

-- Orders that run by events and may not be charged yet. How to charge comes from the order service, that the stock is
-- held from inventory, in any order; with both the row becomes a payment.
CREATE TABLE charge_request (
  order_id       text PRIMARY KEY,
  customer_id    text,
  amount_minor   bigint CHECK (amount_minor >= 0),
  currency       text CHECK (currency ~ '^[A-Z]{3}$'),
  provider_token text,
  stock_reserved boolean NOT NULL DEFAULT false,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (num_nulls(customer_id, amount_minor, currency, provider_token) IN (0, 4))
);

CREATE TABLE ledger_account (
  name text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('asset', 'income', 'contra-income'))
);

INSERT INTO ledger_account (name, kind) VALUES
  ('provider-clearing', 'asset'),
  ('sales', 'income'),
  ('refunds', 'contra-income');

-- At most one capture and one refund per payment: the unique constraint is the last word on double charges.
CREATE TABLE ledger_transaction (
  id                 uuid PRIMARY KEY,
  payment_id         uuid NOT NULL REFERENCES payment,
  kind               text NOT NULL CHECK (kind IN ('capture', 'refund')),
  provider_reference text NOT NULL UNIQUE,
  booked_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (payment_id, kind)
);

-- Debits are positive, credits negative.
CREATE TABLE ledger_entry (
  transaction_id uuid NOT NULL REFERENCES ledger_transaction,
  account        text NOT NULL REFERENCES ledger_account,
  amount_minor   bigint NOT NULL,
  currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  PRIMARY KEY (transaction_id, account, currency)
);

-- Checked at commit, when a transaction and its entries are complete.
CREATE FUNCTION ledger_assert_sound(booked uuid) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  booking record;
BEGIN
  SELECT t.kind, p.id AS payment_id, p.amount_minor, p.currency INTO booking
    FROM ledger_transaction t JOIN payment p ON p.id = t.payment_id WHERE t.id = booked;
  IF EXISTS (SELECT FROM ledger_entry WHERE transaction_id = booked
             GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
    RAISE EXCEPTION 'ledger transaction % does not sum to zero', booked
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balanced';
  END IF;
  IF (SELECT COALESCE(sum(abs(amount_minor)), -1) FROM ledger_entry
      WHERE transaction_id = booked AND account = 'provider-clearing' AND currency = booking.currency)
     <> booking.amount_minor THEN
    RAISE EXCEPTION 'ledger transaction % does not book the amount of its payment', booked
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_amount';
  END IF;
  IF (SELECT COALESCE(sum(e.amount_minor), 0) FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
      WHERE t.payment_id = booking.payment_id AND e.account = 'provider-clearing') < 0 THEN
    RAISE EXCEPTION 'payment % would refund more than it captured', booking.payment_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_refund_covered';
  END IF;
END $$;

CREATE FUNCTION ledger_transaction_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_assert_sound(NEW.id);
  RETURN NULL;
END $$;

CREATE FUNCTION ledger_entry_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_assert_sound(NEW.transaction_id);
  RETURN NULL;
END $$;

CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: book a correction instead'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_append_only';
END $$;

CREATE CONSTRAINT TRIGGER ledger_transaction_sound AFTER INSERT ON ledger_transaction
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transaction_check();
CREATE CONSTRAINT TRIGGER ledger_entry_sound AFTER INSERT ON ledger_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_entry_check();
CREATE TRIGGER ledger_transaction_append_only BEFORE UPDATE OR DELETE ON ledger_transaction
  FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON ledger_entry
  FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();

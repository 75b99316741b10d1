-- The test provider's own books. Nothing of ours reads them, except the checker that compares the two.
CREATE TABLE charge (
  id              uuid PRIMARY KEY,
  idempotency_key text NOT NULL UNIQUE,
  status          text NOT NULL CHECK (status IN ('captured', 'declined', 'voided')),
  decline_reason  text,
  -- A charge that was voided before it was made has no amount: it only keeps the key.
  amount_minor    bigint CHECK (amount_minor >= 0),
  currency        text,
  token           text,
  reference       text,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((status = 'declined') = (decline_reason IS NOT NULL)),
  CHECK ((status = 'voided') = (amount_minor IS NULL)),
  CHECK ((amount_minor IS NULL) = (currency IS NULL))
);

-- Full refunds only: one per charge.
CREATE TABLE refund (
  id              uuid PRIMARY KEY,
  charge_id       uuid NOT NULL UNIQUE REFERENCES charge,
  idempotency_key text NOT NULL UNIQUE,
  amount_minor    bigint NOT NULL CHECK (amount_minor >= 0),
  currency        text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How often a flaky token has been answered 503 under a key.
CREATE TABLE flaky_refusal (
  idempotency_key text PRIMARY KEY,
  refusals        integer NOT NULL
);

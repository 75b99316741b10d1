-- One shipment per order, or the recorded refusal to make one: both are final.
CREATE TABLE shipment (
  id              uuid PRIMARY KEY,
  order_id        text NOT NULL UNIQUE,
  status          text NOT NULL CHECK (status IN ('created', 'refused')),
  refusal_reason  text,
  tracking_number text UNIQUE,
  -- The address and lines as they were asked for; a repetition must say the same.
  address         jsonb NOT NULL,
  items           jsonb NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((status = 'created') = (tracking_number IS NOT NULL)),
  CHECK ((status = 'refused') = (refusal_reason IS NOT NULL))
);

-- Serial numbers of parcels: eight digits, never used twice.
CREATE SEQUENCE parcel_serial MINVALUE 1 MAXVALUE 99999999;

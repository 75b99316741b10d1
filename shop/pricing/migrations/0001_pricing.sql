-- Raised by every change of promotions and rates, so that a process knows when what it holds of them is old.
CREATE TABLE price_rules (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  version bigint NOT NULL
);
INSERT INTO price_rules (version) VALUES (1);

CREATE FUNCTION raise_version_of_price_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE price_rules SET version = version + 1;
  RETURN NULL;
END $$;

CREATE TABLE promotion (
  id         text COLLATE "C" PRIMARY KEY,
  definition jsonb NOT NULL
);
CREATE TRIGGER promotion_changed AFTER INSERT OR UPDATE OR DELETE ON promotion
  FOR EACH STATEMENT EXECUTE FUNCTION raise_version_of_price_rules();

-- Contained in prices, by destination. A country that is not listed has none.
CREATE TABLE tax_rate (
  country      text COLLATE "C" PRIMARY KEY CHECK (country ~ '^[A-Z]{2}$'),
  basis_points integer NOT NULL CHECK (basis_points BETWEEN 0 AND 10000)
);
CREATE TRIGGER tax_rate_changed AFTER INSERT OR UPDATE OR DELETE ON tax_rate
  FOR EACH STATEMENT EXECUTE FUNCTION raise_version_of_price_rules();

-- A country that is not listed is shipped to for nothing.
CREATE TABLE shipping_rate (
  country      text COLLATE "C" NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  currency     text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  PRIMARY KEY (country, currency)
);
CREATE TRIGGER shipping_rate_changed AFTER INSERT OR UPDATE OR DELETE ON shipping_rate
  FOR EACH STATEMENT EXECUTE FUNCTION raise_version_of_price_rules();

-- The price of a product in a currency is that which began last, unless it has ended.
CREATE TABLE list_price (
  product_id   text COLLATE "C" NOT NULL CHECK (product_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  currency     text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  valid_from   timestamptz NOT NULL,
  valid_until  timestamptz CHECK (valid_until > valid_from),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  PRIMARY KEY (product_id, currency, valid_from)
);

CREATE TABLE coupon (
  code              text COLLATE "C" PRIMARY KEY CHECK (code = upper(code)),
  promotion_id      text COLLATE "C" NOT NULL REFERENCES promotion,
  uses              integer CHECK (uses > 0),
  uses_per_customer integer CHECK (uses_per_customer > 0),
  budget_minor      bigint CHECK (budget_minor >= 0),
  budget_currency   text,
  valid_until       timestamptz,
  used              integer NOT NULL DEFAULT 0,
  spent_minor       bigint NOT NULL DEFAULT 0,
  CHECK ((budget_minor IS NULL) = (budget_currency IS NULL)),
  -- The last line of defence: nothing is given away twice.
  CONSTRAINT coupon_never_overused CHECK (0 <= used AND (uses IS NULL OR used <= uses)),
  CONSTRAINT coupon_within_budget CHECK (0 <= spent_minor AND (budget_minor IS NULL OR spent_minor <= budget_minor))
);
CREATE INDEX coupon_by_promotion ON coupon (promotion_id);

-- One row an order, whose first answer stays. A release of an unknown order leaves a released row without a coupon.
CREATE TABLE redemption (
  order_id       text COLLATE "C" PRIMARY KEY,
  state          text NOT NULL CHECK (state IN ('redeemed', 'refused', 'released')),
  code           text COLLATE "C" REFERENCES coupon,
  customer_id    text COLLATE "C",
  discount_minor bigint,
  reason         text,
  at             timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (state <> 'redeemed' OR (code IS NOT NULL AND customer_id IS NOT NULL AND discount_minor IS NOT NULL)),
  CHECK ((state = 'refused') = (reason IS NOT NULL))
);
CREATE INDEX redemption_by_customer ON redemption (code, customer_id) WHERE state = 'redeemed';

CREATE TABLE quote (
  id          uuid PRIMARY KEY,
  customer_id text COLLATE "C" NOT NULL,
  request     jsonb NOT NULL,
  evaluation  jsonb NOT NULL,
  expires_at  timestamptz NOT NULL
);
CREATE INDEX quote_by_end ON quote (expires_at);

-- Who changed what, and from what to what.
CREATE TABLE price_change (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor   text NOT NULL,
  subject text NOT NULL,
  before  jsonb,
  after   jsonb
);

-- Who stands behind the shoppers of the log, whose events never change: without this row nobody can say whose they were.
-- Without an alias: erased, and not to be known again.
CREATE TABLE shopper (
  customer_id text COLLATE "C" PRIMARY KEY,
  alias       uuid UNIQUE
);

-- What follows from the log. Each row belongs to a generation of the projection `also_bought`.
CREATE TABLE owned (
  generation integer NOT NULL,
  shopper    uuid NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  bought_at  timestamptz NOT NULL,
  PRIMARY KEY (generation, shopper, product_id)
);

CREATE TABLE popularity (
  generation integer NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  buyers     integer NOT NULL CHECK (buyers > 0),
  PRIMARY KEY (generation, product_id)
) WITH (fillfactor = 70);

-- How many bought both; each pair in both directions.
CREATE TABLE bought_both (
  generation integer NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  other_id   text COLLATE "C" NOT NULL,
  buyers     integer NOT NULL CHECK (buyers > 0),
  PRIMARY KEY (generation, product_id, other_id)
) WITH (fillfactor = 70);

-- A shopper has bought products. Of those whose histories are long only the last 100 products are paired: nobody's taste
-- needs more, and a reseller's must not cost everybody.
CREATE FUNCTION count_purchase(of_generation integer, of_shopper uuid, products text[], at timestamptz)
RETURNS void LANGUAGE sql AS $$
  WITH fresh AS (
    INSERT INTO owned (generation, shopper, product_id, bought_at)
    SELECT DISTINCT of_generation, of_shopper, p, at FROM unnest(products) AS p
    ON CONFLICT DO NOTHING RETURNING product_id
  ), earlier AS (
    -- Of the moment before this statement: the fresh ones are not among them.
    SELECT o.product_id FROM owned o WHERE o.generation = of_generation AND o.shopper = of_shopper
    ORDER BY o.bought_at DESC, o.product_id LIMIT 100
  ), popular AS (
    INSERT INTO popularity AS p (generation, product_id, buyers)
    SELECT of_generation, f.product_id, 1 FROM fresh f ORDER BY f.product_id
    ON CONFLICT (generation, product_id) DO UPDATE SET buyers = p.buyers + 1
  ), pair AS (
    SELECT f.product_id AS one, e.product_id AS other FROM fresh f, earlier e
    UNION ALL SELECT e.product_id, f.product_id FROM fresh f, earlier e
    UNION ALL SELECT f.product_id, g.product_id FROM fresh f, fresh g WHERE f.product_id <> g.product_id
  )
  INSERT INTO bought_both AS b (generation, product_id, other_id, buyers)
  SELECT of_generation, one, other, 1 FROM pair ORDER BY one, other
  ON CONFLICT (generation, product_id, other_id) DO UPDATE SET buyers = b.buyers + 1
$$;

SELECT create_projection('also_bought', 1, is_inline => false, of_categories => '{purchase}');

-- What somebody has looked at: kept for them alone, and no part of the log.
CREATE TABLE viewed (
  customer_id text COLLATE "C" NOT NULL,
  product_id  text COLLATE "C" NOT NULL,
  viewed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (customer_id, product_id)
);
CREATE INDEX viewed_last ON viewed (customer_id, viewed_at DESC);

-- In the name of a user nobody reads or writes a row of another, whatever a statement says or forgets. Without one the system itself works.
ALTER TABLE shopper ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON shopper USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || customer_id));

ALTER TABLE viewed ENABLE ROW LEVEL SECURITY;
CREATE POLICY acting ON viewed USING (
  coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || customer_id));

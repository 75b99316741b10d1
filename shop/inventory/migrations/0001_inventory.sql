CREATE TABLE product (
  id          text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
  name        text NOT NULL,
  description text NOT NULL,
  price_minor integer NOT NULL CHECK (price_minor >= 0),
  currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  created_at  timestamptz NOT NULL DEFAULT now()
);

-- What is there, and how much of it is promised to orders. Half-full pages: reserving updates rows in place.
CREATE TABLE stock (
  product_id text COLLATE "C" PRIMARY KEY REFERENCES product,
  on_hand    integer NOT NULL,
  reserved   integer NOT NULL DEFAULT 0,
  CONSTRAINT stock_never_oversold CHECK (0 <= reserved AND reserved <= on_hand)
) WITH (fillfactor = 50);

-- Every change of on_hand: the quantities of a product add up to it.
CREATE TABLE stock_movement (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_id text COLLATE "C" NOT NULL REFERENCES product,
  kind       text NOT NULL,
  quantity   integer NOT NULL,
  order_id   text COLLATE "C",
  -- Who changed it: the subject of a token, or the service itself.
  actor      text NOT NULL,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (CASE kind
    WHEN 'initial'    THEN quantity >= 0 AND order_id IS NULL
    WHEN 'adjustment' THEN order_id IS NULL
    WHEN 'sale'       THEN quantity < 0 AND order_id IS NOT NULL
    WHEN 'return'     THEN quantity > 0 AND order_id IS NOT NULL
    ELSE false END)
);
CREATE INDEX stock_movement_by_product ON stock_movement (product_id, id);
-- The last line of defence: an order takes and gives back a product at most once.
CREATE UNIQUE INDEX stock_movement_once ON stock_movement (order_id, product_id, kind) WHERE order_id IS NOT NULL;

CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

CREATE TRIGGER stock_movement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_movement
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();

-- held: counted in stock.reserved · committed: sold · expired: given back by time, a commit may take it again
-- released: given back by the order, final. A release of an unknown order leaves a released row without lines.
CREATE TABLE reservation (
  order_id   text COLLATE "C" PRIMARY KEY,
  status     text NOT NULL CHECK (status IN ('held', 'committed', 'expired', 'released')),
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (status <> 'held' OR expires_at IS NOT NULL)
);
CREATE INDEX reservation_due ON reservation (expires_at) WHERE status = 'held';

CREATE TABLE reservation_line (
  order_id   text COLLATE "C" NOT NULL REFERENCES reservation,
  product_id text COLLATE "C" NOT NULL REFERENCES product,
  quantity   integer NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (order_id, product_id)
);

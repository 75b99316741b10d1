-- The shop as it was before there were services: everything in one database, and every change one transaction.
CREATE TABLE customers (
  no         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Since accounts moved to the identity service.
  account_id text NOT NULL UNIQUE,
  name       text,
  email      text
);

CREATE TABLE articles (
  code     text PRIMARY KEY,
  title    text NOT NULL,
  price    numeric(10, 2) NOT NULL CHECK (price >= 0),
  -- What ever came in; `stock` is what is left of it.
  received integer NOT NULL CHECK (received >= 0),
  stock    integer NOT NULL CHECK (stock BETWEEN 0 AND received)
);

CREATE TABLE orders (
  no           integer GENERATED ALWAYS AS IDENTITY (START 1001) PRIMARY KEY,
  customer_no  integer NOT NULL REFERENCES customers,
  -- N: new, P: paid, S: sent, X: cancelled.
  state        char(1) NOT NULL CHECK (state IN ('N', 'P', 'S', 'X')),
  sum          numeric(10, 2) NOT NULL,
  -- Why it was cancelled.
  remark       text,
  placed_on    timestamptz(3) NOT NULL,
  paid_on      timestamptz(3),
  sent_on      timestamptz(3),
  cancelled_on timestamptz(3),
  -- Counts changes, for who copies.
  version      integer NOT NULL DEFAULT 1,
  -- Since then the order service decides about it, and this row follows.
  moved_on     timestamptz(3),
  CHECK ((state = 'X') = (cancelled_on IS NOT NULL))
);
CREATE INDEX orders_left ON orders (no) WHERE moved_on IS NULL;

CREATE TABLE positions (
  order_no integer NOT NULL REFERENCES orders,
  pos      integer NOT NULL,
  article  text NOT NULL REFERENCES articles,
  title    text NOT NULL,
  pieces   integer NOT NULL CHECK (pieces > 0),
  price    numeric(10, 2) NOT NULL,
  PRIMARY KEY (order_no, pos)
);

-- One row.
CREATE TABLE settings (
  is_only      boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  takes_orders boolean NOT NULL DEFAULT true
);
INSERT INTO settings DEFAULT VALUES;

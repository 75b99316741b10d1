-- The orders in which the catalogue is browsed, a page after a product.
CREATE INDEX product_by_price ON product (price_minor, id);
CREATE INDEX product_by_name ON product (lower(name), id);

-- The address that is offered first. The oldest of those who have some already; nobody has two.
ALTER TABLE address ADD COLUMN is_default boolean NOT NULL DEFAULT false;
UPDATE address SET is_default = true
WHERE id IN (SELECT DISTINCT ON (user_id) id FROM address ORDER BY user_id, id);
CREATE UNIQUE INDEX address_one_default ON address (user_id) WHERE is_default;

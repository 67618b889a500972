-- What personal prices are made of: attributes of products, birthdays and favourite categories of customers, promotions granted to them.

SET LOCAL lock_timeout = '5s';

ALTER TABLE products
    ADD COLUMN attributes text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(attributes) <= 16 AND octet_length(array_to_string(attributes, E'\n')) <= 2079);
COMMENT ON COLUMN products.attributes IS
    'name=value, each name once, in ascending order of bytes; a name is of a-z, 0-9, _ and -, name and value have at most 64 bytes.';

ALTER TABLE customers
    ADD COLUMN birthday_mmdd smallint NOT NULL DEFAULT 0 CHECK (birthday_mmdd = 0 OR birthday_mmdd BETWEEN 101 AND 1231),
    ADD COLUMN favourites text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(favourites) <= 32 AND octet_length(array_to_string(favourites, E'\n')) <= 2079);
COMMENT ON COLUMN customers.birthday_mmdd IS
    'Month and day as month × 100 + day, never the year; 0: not known. Erasing a person makes it 0 in every row, old ones too.';
COMMENT ON COLUMN customers.favourites IS
    'Favourite product groups. Erasing a person empties them in every row, old ones too.';

CREATE TABLE customer_grants (
    tenant       text NOT NULL REFERENCES tenants,
    customer_id  bigint NOT NULL CHECK (customer_id > 0),
    promotion_id text NOT NULL CHECK (octet_length(promotion_id) BETWEEN 1 AND 64),
    starts_at    timestamptz CHECK (isfinite(starts_at)),
    ends_at      timestamptz CHECK (isfinite(ends_at)),
    skus         text[] NOT NULL DEFAULT '{}',
    categories   text[] NOT NULL DEFAULT '{}',
    version      bigint NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_to     timestamptz NOT NULL DEFAULT 'infinity',
    deleted      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, customer_id, promotion_id, version),
    CHECK (valid_from < valid_to),
    CHECK (starts_at < ends_at),
    CHECK (cardinality(skus) + cardinality(categories) <= 32
           AND octet_length(array_to_string(skus || categories, E'\n')) <= 2079)
);
CREATE UNIQUE INDEX customer_grants_current ON customer_grants (tenant, customer_id, promotion_id) WHERE valid_to = 'infinity';
CREATE INDEX customer_grants_feed ON customer_grants (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE customer_grants IS
    'Promotions given to single customers: in force from starts_at until before ends_at (null: open), perhaps for goods chosen '
    'for them. The office keeps at most 64 a customer. Erasing a person deletes their rows but for empty tombstones.';

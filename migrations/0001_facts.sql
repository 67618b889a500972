-- Facts: what the back office owns and the processing servers read by the feed.
--
-- Every fact table is temporal. A row is one value of one key over [valid_from, valid_to); the current row has valid_to =
-- 'infinity', and the current row of a deleted key is its tombstone (deleted = true). Rows are never changed except for
-- closing them, so that old receipts can be replayed and new rules tried on what was true then.
--
-- `version` is the feed clock's reading of the transaction that wrote the row. Reading the clock and every
-- `version > mine` in one REPEATABLE READ snapshot gives all changes up to that reading and none beyond it.
--
-- To write, in one transaction per business action (any client, no special rights beyond the tables):
--
--   SELECT version, changed_at FROM next_feed_version('demo');        -- :v, :at; first, it also queues writers of the tenant
--   UPDATE products SET valid_to = :at
--    WHERE tenant = 'demo' AND sku = ANY(:skus) AND valid_to = 'infinity';
--   INSERT INTO products (tenant, sku, title, group_id, version, valid_from)
--   SELECT 'demo', sku, title, group_id, :v, :at FROM unnest(:skus, :titles, :groups) AS row (sku, title, group_id);
--
-- To delete, close the row and insert its copy with `deleted = true`. Many rows are two statements too: COPY into a
-- temporary table and use it in place of unnest. A key may be written once per version; its primary key says so.
-- After COMMIT a wake-up entry in the Redis stream altyn:<tenant>:feed saves the servers a few seconds; it is only a hint.
--
-- Identifiers are at most 64 bytes of UTF-8, as registers send them, and compare as bytes. Keyed hashes are HMAC-SHA-256
-- under the identity key, which is kept outside the database.
--
-- Facts do not refer to each other by foreign keys (a key has many rows): the back office checks references when it
-- writes, and a dangling one makes a condition false, never an error at the till.

SET LOCAL lock_timeout = '5s';

CREATE TABLE tenants (
    tenant      text PRIMARY KEY CHECK (octet_length(tenant) BETWEEN 1 AND 64),
    title       text NOT NULL,
    zone        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tenants IS 'One retailer and its loyalty programme. A processing server serves exactly one.';
COMMENT ON COLUMN tenants.zone IS 'IANA zone of the programme: lot dates are taken in it. Never changed after the first receipt.';

CREATE TABLE feed_clock (
    tenant      text PRIMARY KEY REFERENCES tenants,
    version     bigint NOT NULL CHECK (version > 0),
    changed_at  timestamptz NOT NULL
);
COMMENT ON TABLE feed_clock IS
    'One row a tenant, bumped in the same transaction as every change: versions become visible in their own order, which '
    'a sequence does not promise.';

CREATE FUNCTION next_feed_version(of_tenant text, OUT version bigint, OUT changed_at timestamptz)
LANGUAGE sql VOLATILE AS $$
    INSERT INTO feed_clock AS clock VALUES (of_tenant, 1, clock_timestamp())
    ON CONFLICT (tenant) DO UPDATE
       SET version = clock.version + 1,
           changed_at = greatest(clock_timestamp(), clock.changed_at + interval '1 microsecond')
    RETURNING clock.version, clock.changed_at
$$;
COMMENT ON FUNCTION next_feed_version IS
    'The version and instant of this transaction''s changes. Holds the clock row to the end of the transaction, so writers '
    'of a tenant follow one another; instants grow with versions.';

CREATE TABLE stores (
    tenant      text NOT NULL REFERENCES tenants,
    store_id    text NOT NULL CHECK (octet_length(store_id) BETWEEN 1 AND 64),
    zone        text NOT NULL,
    region      text NOT NULL DEFAULT '' CHECK (octet_length(region) <= 64),
    format      text NOT NULL DEFAULT '' CHECK (octet_length(format) <= 64),
    cluster     text NOT NULL DEFAULT '' CHECK (octet_length(cluster) <= 64),
    currency    text NOT NULL DEFAULT 'RUB' CHECK (currency ~ '^[A-Z]{3}$'),
    exponent    smallint NOT NULL DEFAULT 2 CHECK (exponent BETWEEN 0 AND 4),
    title       text NOT NULL DEFAULT '',
    version     bigint NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    deleted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, store_id, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX stores_current ON stores (tenant, store_id) WHERE valid_to = 'infinity';
CREATE INDEX stores_feed ON stores (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE stores IS 'Stores: IANA zone of the wall clock, attributes conditions may name, money of the receipts.';

CREATE TABLE registers (
    tenant      text NOT NULL REFERENCES tenants,
    store_id    text NOT NULL CHECK (octet_length(store_id) BETWEEN 1 AND 64),
    register_id text NOT NULL CHECK (octet_length(register_id) BETWEEN 1 AND 64),
    title       text NOT NULL DEFAULT '',
    version     bigint NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    deleted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, store_id, register_id, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX registers_current ON registers (tenant, store_id, register_id) WHERE valid_to = 'infinity';
COMMENT ON TABLE registers IS
    'Cash registers of a store. Servers do not read it: a credential decides what a '
    'register may do.';

CREATE TABLE register_credentials (
    tenant      text NOT NULL REFERENCES tenants,
    key_hash    bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    store_id    text NOT NULL CHECK (octet_length(store_id) BETWEEN 1 AND 64),
    register_id text NOT NULL CHECK (octet_length(register_id) BETWEEN 1 AND 64),
    revoked     boolean NOT NULL DEFAULT false,
    version     bigint NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    deleted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, key_hash, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX register_credentials_current ON register_credentials (tenant, key_hash) WHERE valid_to = 'infinity';
CREATE INDEX register_credentials_feed ON register_credentials (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE register_credentials IS
    'Keys of registers: SHA-256 of the key (256 random bits, so a plain hash is enough), and the one register it speaks for. '
    'A register may have several while a key is replaced; revocation is a new row.';

CREATE TABLE product_groups (
    tenant      text NOT NULL REFERENCES tenants,
    group_id    text NOT NULL CHECK (octet_length(group_id) BETWEEN 1 AND 64),
    title       text NOT NULL DEFAULT '',
    version     bigint NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    deleted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, group_id, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX product_groups_current ON product_groups (tenant, group_id) WHERE valid_to = 'infinity';
COMMENT ON TABLE product_groups IS 'Titles of product groups for people. Servers do not read it: a product names its group.';

CREATE TABLE products (
    tenant          text NOT NULL REFERENCES tenants,
    sku             text NOT NULL CHECK (octet_length(sku) BETWEEN 1 AND 64),
    title           text NOT NULL DEFAULT '',
    group_id        text NOT NULL DEFAULT '' CHECK (octet_length(group_id) <= 64),
    brand_id        text NOT NULL DEFAULT '' CHECK (octet_length(brand_id) <= 64),
    supplier_id     text NOT NULL DEFAULT '' CHECK (octet_length(supplier_id) <= 64),
    flags           integer NOT NULL DEFAULT 0 CHECK (flags BETWEEN 0 AND 127),
    min_price_minor bigint NOT NULL DEFAULT 0 CHECK (min_price_minor BETWEEN 0 AND 1000000000),
    vat_code        integer NOT NULL DEFAULT 0 CHECK (vat_code BETWEEN 0 AND 1000),
    version         bigint NOT NULL,
    valid_from      timestamptz NOT NULL,
    valid_to        timestamptz NOT NULL DEFAULT 'infinity',
    deleted         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, sku, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX products_current ON products (tenant, sku) WHERE valid_to = 'infinity';
CREATE INDEX products_feed ON products (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE products IS 'The catalogue: what a receipt line leaves out is taken from here. Empty text is "none".';
COMMENT ON COLUMN products.flags IS
    'Bits in the order of altyn.pos.v1.LineFlags: 1 no_discount, 2 no_redeem, 4 no_accrual, 8 no_threshold, 16 marked, '
    '32 gift, 64 excise.';
COMMENT ON COLUMN products.min_price_minor IS 'No discount goes below it; per unit, or per 1.000 of measure. 0: none.';

CREATE SEQUENCE account_ids;
CREATE SEQUENCE customer_ids;
CREATE SEQUENCE card_ids;
COMMENT ON SEQUENCE account_ids IS 'Opaque ids above 0, the only thing about a person that the journal knows.';

CREATE TABLE cards (
    tenant       text NOT NULL REFERENCES tenants,
    card_id      bigint NOT NULL CHECK (card_id > 0),
    number_hash  bytea NOT NULL CHECK (octet_length(number_hash) = 32),
    last4        text NOT NULL CHECK (octet_length(last4) <= 4),
    card_type    text NOT NULL DEFAULT '' CHECK (octet_length(card_type) <= 64),
    state        text NOT NULL DEFAULT 'NEW' CHECK (state IN ('NEW', 'ACTIVE', 'BLOCKED', 'CLOSED', 'FINISHED')),
    block_reason text NOT NULL DEFAULT '',
    customer_id  bigint CHECK (customer_id > 0),
    account_id   bigint NOT NULL CHECK (account_id > 0),
    version      bigint NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_to     timestamptz NOT NULL DEFAULT 'infinity',
    deleted      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, card_id, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX cards_current ON cards (tenant, card_id) WHERE valid_to = 'infinity';
CREATE UNIQUE INDEX cards_current_number ON cards (tenant, number_hash) WHERE valid_to = 'infinity' AND NOT deleted;
CREATE INDEX cards_current_customer ON cards (tenant, customer_id) WHERE valid_to = 'infinity';
CREATE INDEX cards_feed ON cards (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE cards IS
    'Loyalty cards. Numbers are stored as keyed hashes only; a card_id keeps one number for life (another number is another '
    'card). customer_id is null for an anonymous card, which still has an account.';

CREATE TABLE customers (
    tenant        text NOT NULL REFERENCES tenants,
    customer_id   bigint NOT NULL CHECK (customer_id > 0),
    account_id    bigint NOT NULL CHECK (account_id > 0),
    phone_hash    bytea CHECK (octet_length(phone_hash) = 32),
    registered_at timestamptz NOT NULL DEFAULT now(),
    version       bigint NOT NULL,
    valid_from    timestamptz NOT NULL,
    valid_to      timestamptz NOT NULL DEFAULT 'infinity',
    deleted       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, customer_id, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX customers_current ON customers (tenant, customer_id) WHERE valid_to = 'infinity';
CREATE INDEX customers_current_phone ON customers (tenant, phone_hash) WHERE valid_to = 'infinity';
CREATE INDEX customers_feed ON customers (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE customers IS
    'Customers without personal data. Two customers may share a phone: identification by it is then refused. Erasing a '
    'person deletes the row of personal.customers and sets phone_hash to null in every row here, old ones too.';

CREATE SCHEMA personal;
COMMENT ON SCHEMA personal IS 'Personal data. Processing servers have no rights here; journal, feed and logs never carry it.';

CREATE TABLE personal.customers (
    tenant      text NOT NULL REFERENCES tenants,
    customer_id bigint NOT NULL CHECK (customer_id > 0),
    name        text NOT NULL DEFAULT '',
    phone       text NOT NULL DEFAULT '',
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, customer_id)
);
COMMENT ON TABLE personal.customers IS 'Who a customer is. Not temporal: no rule reads it, and erasure must leave nothing.';

CREATE TABLE segments (
    tenant      text NOT NULL REFERENCES tenants,
    segment     text NOT NULL CHECK (octet_length(segment) BETWEEN 1 AND 64),
    title       text NOT NULL DEFAULT '',
    version     bigint NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    deleted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, segment, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX segments_current ON segments (tenant, segment) WHERE valid_to = 'infinity';
COMMENT ON TABLE segments IS 'Titles of segments for people. Servers do not read it: memberships name the segment.';

CREATE TABLE customer_segments (
    tenant      text NOT NULL REFERENCES tenants,
    customer_id bigint NOT NULL CHECK (customer_id > 0),
    segment     text NOT NULL CHECK (octet_length(segment) BETWEEN 1 AND 64),
    version     bigint NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    deleted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, customer_id, segment, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX customer_segments_current ON customer_segments (tenant, customer_id, segment) WHERE valid_to = 'infinity';
CREATE INDEX customer_segments_feed ON customer_segments (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE customer_segments IS 'Membership of customers in segments; leaving one is a tombstone.';

CREATE TABLE assets (
    tenant      text NOT NULL REFERENCES tenants,
    asset       text NOT NULL CHECK (octet_length(asset) BETWEEN 1 AND 64),
    asset_no    smallint NOT NULL CHECK (asset_no > 0),
    scale       smallint NOT NULL DEFAULT 2 CHECK (scale BETWEEN 0 AND 4),
    step_points bigint NOT NULL DEFAULT 1 CHECK (step_points > 0),
    title       jsonb NOT NULL DEFAULT '{}',
    version     bigint NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    deleted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, asset, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX assets_current ON assets (tenant, asset) WHERE valid_to = 'infinity';
CREATE UNIQUE INDEX assets_current_no ON assets (tenant, asset_no) WHERE valid_to = 'infinity';
CREATE INDEX assets_feed ON assets (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE assets IS
    'Points currencies. asset_no stands for the asset in the journal and in memory, so an asset keeps its number and its '
    'scale for ever, also when deleted. Publishing gives a number to an asset it meets for the first time.';
COMMENT ON COLUMN assets.step_points IS 'Accrual is rounded down to a multiple of this, in the smallest unit.';
COMMENT ON COLUMN assets.title IS 'Text by language.';

CREATE TABLE rules_release (
    tenant       text NOT NULL REFERENCES tenants,
    version      bigint NOT NULL CHECK (version > 0),
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),
    document     bytea NOT NULL CHECK (octet_length(document) <= 67108864),
    effective_at timestamptz NOT NULL CHECK (isfinite(effective_at)),
    emergency    boolean NOT NULL DEFAULT false,
    published_by text NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, version),
    CONSTRAINT rules_release_hash CHECK (sha256 = sha256(document))
);
COMMENT ON TABLE rules_release IS
    'Published promotion documents, one immutable row a release. version is max(version) + 1, taken after '
    'next_feed_version() in the same transaction, so releases become visible in order. Rolling back publishes an older '
    'document as a new version.';
COMMENT ON COLUMN rules_release.document IS 'Canonical JSON, UTF-8: the list of all documents in force.';
COMMENT ON COLUMN rules_release.emergency IS 'Prices already shown under older releases are not honoured.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are immutable', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
COMMENT ON FUNCTION refuse_change IS 'For triggers of tables whose rows are written once.';
CREATE TRIGGER rules_release_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON rules_release
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE server_status (
    tenant          text NOT NULL REFERENCES tenants,
    server_id       text NOT NULL CHECK (octet_length(server_id) BETWEEN 1 AND 64),
    started_at      timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,
    rules_version   bigint NOT NULL DEFAULT 0,
    sha256          bytea,
    staged_version  bigint NOT NULL DEFAULT 0,
    feed_version    bigint NOT NULL DEFAULT 0,
    durable_seq     bigint NOT NULL DEFAULT 0,
    refused_version bigint NOT NULL DEFAULT 0,
    refused_reason  text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, server_id)
);
COMMENT ON TABLE server_status IS
    'What each processing server runs, in its own words, every few seconds. Only for people and the back office: no '
    'decision at the till reads it.';
COMMENT ON COLUMN server_status.staged_version IS 'Newest release compiled and held, in force at its effective_at.';
COMMENT ON COLUMN server_status.refused_version IS 'Newest release that could not be taken, and refused_reason why; 0: none.';

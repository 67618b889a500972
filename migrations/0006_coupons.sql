-- Coupons: series and codes are facts like any other (0001_facts.sql); what became of a unique code is the journal's.
--
-- A code is never here, only the first 16 bytes of HMAC-SHA-256 under the identity key. Generated codes are told once, when
-- their batch is made.

SET LOCAL lock_timeout = '5s';

CREATE TABLE coupon_series (
    tenant      text NOT NULL REFERENCES tenants,
    series      text NOT NULL CHECK (octet_length(series) BETWEEN 1 AND 64),
    series_no   integer NOT NULL CHECK (series_no BETWEEN 1 AND 65535),
    kind        text NOT NULL CHECK (kind IN ('SHARED', 'UNIQUE')),
    title       text NOT NULL DEFAULT '',
    template    text NOT NULL DEFAULT '' CHECK (octet_length(template) <= 64),
    starts_at   timestamptz NOT NULL CHECK (isfinite(starts_at)),
    ends_at     timestamptz CHECK (isfinite(ends_at)),
    uses_max    integer NOT NULL DEFAULT 1 CHECK (uses_max BETWEEN 0 AND 1000000000),
    state       text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'BLOCKED')),
    version     bigint NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    deleted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, series, version),
    CHECK (valid_from < valid_to),
    CHECK (starts_at < ends_at)
);
CREATE UNIQUE INDEX coupon_series_current ON coupon_series (tenant, series) WHERE valid_to = 'infinity';
CREATE UNIQUE INDEX coupon_series_current_no ON coupon_series (tenant, series_no) WHERE valid_to = 'infinity';
CREATE INDEX coupon_series_feed ON coupon_series (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE coupon_series IS
    'What a code is good for is a rule''s business; when, how often and whether at all is its series''.';
COMMENT ON COLUMN coupon_series.series_no IS 'Stands for the series in memory and in the journal: kept for ever, also when deleted.';
COMMENT ON COLUMN coupon_series.uses_max IS 'Of one code; 0: any number.';
COMMENT ON COLUMN coupon_series.template IS '# a random character, ? a check character, anything else itself; empty: codes are imported only.';

CREATE SEQUENCE coupon_code_ids MAXVALUE 1099511627775;
CREATE SEQUENCE coupon_batch_ids;

CREATE TABLE coupon_batches (
    tenant      text NOT NULL REFERENCES tenants,
    batch_id    bigint NOT NULL CHECK (batch_id > 0),
    series      text NOT NULL,
    title       text NOT NULL DEFAULT '',
    origin      text NOT NULL CHECK (origin IN ('GENERATED', 'IMPORTED')),
    codes_count integer NOT NULL CHECK (codes_count >= 0),
    state       text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'BLOCKED')),
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, batch_id)
);
CREATE INDEX coupon_batches_by_series ON coupon_batches (tenant, series, batch_id);
COMMENT ON TABLE coupon_batches IS 'Codes that were made together. Servers do not read it: every code carries its own state.';

CREATE TABLE coupon_codes (
    tenant      text NOT NULL REFERENCES tenants,
    code_id     bigint NOT NULL CHECK (code_id BETWEEN 1 AND 1099511627775),
    code_hash   bytea NOT NULL CHECK (octet_length(code_hash) = 16),
    series_no   integer NOT NULL,
    batch_id    bigint NOT NULL,
    state       text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'BLOCKED')),
    version     bigint NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    deleted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, code_id, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX coupon_codes_current ON coupon_codes (tenant, code_id) WHERE valid_to = 'infinity';
CREATE UNIQUE INDEX coupon_codes_current_hash ON coupon_codes (tenant, code_hash) WHERE valid_to = 'infinity' AND NOT deleted;
CREATE INDEX coupon_codes_current_batch ON coupon_codes (tenant, batch_id) WHERE valid_to = 'infinity';
CREATE INDEX coupon_codes_feed ON coupon_codes (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE coupon_codes IS 'Codes by their keyed hash. A code belongs to one series for life.';
COMMENT ON COLUMN coupon_codes.state IS 'Whether the back office lets it be used. Free, held and used are the journal''s.';

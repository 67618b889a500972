-- Coupon series whose codes are computed from their serials, so that no code, not even its hash, is anywhere (docs/decisions/0037):
-- a batch is a range of serials. And what a return does to the codes of a sale.

SET LOCAL lock_timeout = '5s';

ALTER TABLE coupon_series
    ADD COLUMN origin text NOT NULL DEFAULT 'LISTED' CHECK (origin IN ('LISTED', 'SERIAL')),
    ADD COLUMN on_return text NOT NULL DEFAULT 'REACTIVATE' CHECK (on_return IN ('REACTIVATE', 'KEEP_USED')),
    ADD COLUMN grace_days integer NOT NULL DEFAULT 0 CHECK (grace_days BETWEEN 0 AND 3650),
    ADD CONSTRAINT coupon_series_serial CHECK (
        origin = 'LISTED' OR (kind = 'UNIQUE' AND uses_max = 1
            AND octet_length(template) - octet_length(replace(template, '#', '')) BETWEEN 8 AND 12)
    );
COMMENT ON COLUMN coupon_series.origin IS 'LISTED: every code is a row of coupon_codes. SERIAL: codes are computed from serials in coupon_ranges.';
COMMENT ON COLUMN coupon_series.on_return IS 'What taking back all of a sale does to a code it used. A void always lets it be used again.';
COMMENT ON COLUMN coupon_series.grace_days IS 'A code that is let be used again is good for at least so many days.';

ALTER TABLE coupon_batches
    DROP CONSTRAINT coupon_batches_origin_check,
    ADD CONSTRAINT coupon_batches_origin_check CHECK (origin IN ('GENERATED', 'IMPORTED', 'SERIAL')),
    ADD COLUMN first_serial integer,
    ADD CONSTRAINT coupon_batches_serial CHECK ((origin = 'SERIAL') = (first_serial IS NOT NULL));
COMMENT ON COLUMN coupon_batches.first_serial IS 'Of SERIAL: its codes are those of codes_count serials from here on.';

CREATE TABLE coupon_ranges (
    tenant       text NOT NULL REFERENCES tenants,
    series_no    integer NOT NULL,
    first_serial integer NOT NULL CHECK (first_serial > 0),
    last_serial  integer NOT NULL CHECK (last_serial BETWEEN first_serial AND 1000000000),
    state        text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'BLOCKED')),
    version      bigint NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_to     timestamptz NOT NULL DEFAULT 'infinity',
    deleted      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, series_no, first_serial, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX coupon_ranges_current ON coupon_ranges (tenant, series_no, first_serial) WHERE valid_to = 'infinity';
CREATE INDEX coupon_ranges_feed ON coupon_ranges (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE coupon_ranges IS 'Serials that have been given out, a batch a row. Its series and its ends are for life; ranges of a series share no serial.';

CREATE TABLE coupon_exports (
    tenant       text NOT NULL REFERENCES tenants,
    export_id    bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    batch_id     bigint NOT NULL,
    state        text NOT NULL CHECK (state IN ('ASKED', 'APPROVED', 'REFUSED', 'TAKEN')),
    reason       text NOT NULL DEFAULT '',
    asked_by     text NOT NULL,
    asked_at     timestamptz NOT NULL,
    decided_by   text,
    decided_at   timestamptz,
    taken_at     timestamptz,
    PRIMARY KEY (tenant, export_id),
    FOREIGN KEY (tenant, batch_id) REFERENCES coupon_batches,
    CHECK (decided_by IS DISTINCT FROM asked_by)
);
CREATE INDEX coupon_exports_by_batch ON coupon_exports (tenant, batch_id, export_id);
COMMENT ON TABLE coupon_exports IS 'Who had the codes of a SERIAL batch computed. The first time is free; again, somebody else has to agree.';

ALTER TABLE coupon_changes ADD COLUMN serial integer;
COMMENT ON COLUMN coupon_changes.code_hash IS 'Empty: the code is known by series_no and serial.';
CREATE INDEX coupon_changes_by_serial ON coupon_changes (series_no, serial, seq) WHERE serial IS NOT NULL;

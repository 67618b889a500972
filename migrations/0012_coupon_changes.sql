-- What receipts did to coupon codes, for people; made from the journal by the projector. Whether a code is free now is the server's to tell.

SET LOCAL lock_timeout = '5s';

CREATE TABLE coupon_changes (
    seq          bigint NOT NULL,
    change_no    integer NOT NULL,
    code_hash    bytea NOT NULL,
    series_no    integer NOT NULL,
    use          smallint NOT NULL,
    issued       boolean NOT NULL,
    promotion_id text NOT NULL,
    expires_at   timestamptz,
    recorded_at  timestamptz NOT NULL,
    PRIMARY KEY (seq, change_no)
);
COMMENT ON TABLE coupon_changes IS 'One row per code that a record issued, used, freed or cancelled. What a Reserve keeps is not here.';
COMMENT ON COLUMN coupon_changes.use IS 'What it became: 1 free, 3 used, 4 cancelled.';
COMMENT ON COLUMN coupon_changes.promotion_id IS 'That issued it, or that it was used for; empty when it was freed or cancelled.';
CREATE INDEX coupon_changes_issued ON coupon_changes (series_no, seq) WHERE issued;
CREATE INDEX coupon_changes_by_code ON coupon_changes (code_hash, seq);

-- Two more kinds of rules against fraud; tiers by hand, which one person asks for and another gives.

SET LOCAL lock_timeout = '5s';

ALTER TABLE fraud_rules
    DROP CONSTRAINT fraud_rules_kind_check,
    ADD CONSTRAINT fraud_rules_kind_check
        CHECK (kind IN ('CARD_RECEIPTS', 'CARD_INTERVAL', 'CASHIER_CARD', 'RECEIPT_AMOUNT', 'CARD_AMOUNT', 'CASHIER_RETURNS', 'FAST_RETURN',
                        'CARD_COUPONS', 'NEW_CARD_REDEMPTION', 'DUPLICATE_SIGN', 'CASHIER_CARD_SHARE', 'CASHIER_ACTIVATIONS')),
    ADD COLUMN share_percent smallint NOT NULL DEFAULT 0 CHECK (share_percent BETWEEN 0 AND 100);
COMMENT ON COLUMN fraud_rules.share_percent IS 'Of kinds that look at a share: more is suspicious, once threshold is passed too.';

CREATE TABLE given_tiers (
    tenant      text NOT NULL REFERENCES tenants,
    given_id    bigint GENERATED ALWAYS AS IDENTITY,
    op_id       bytea NOT NULL CHECK (octet_length(op_id) = 16),
    account_id  bigint NOT NULL CHECK (account_id > 0),
    tier        text CHECK (octet_length(tier) BETWEEN 1 AND 64),
    until       date,
    reason      text NOT NULL,
    state       text NOT NULL CHECK (state IN ('ASKED', 'GIVEN', 'REJECTED')),
    asked_by    text NOT NULL,
    asked_at    timestamptz NOT NULL,
    decided_by  text,
    decided_at  timestamptz,
    decision    text NOT NULL DEFAULT '',
    journal_seq bigint,
    PRIMARY KEY (tenant, given_id),
    UNIQUE (tenant, op_id),
    CHECK ((tier IS NULL) = (until IS NULL))
);
CREATE INDEX given_tiers_asked ON given_tiers (tenant, given_id) WHERE state = 'ASKED';
CREATE INDEX given_tiers_by_account ON given_tiers (tenant, account_id, given_id);
COMMENT ON TABLE given_tiers IS 'Tiers by hand: asked for, and given when somebody else has agreed. Which tier an account has, the processing server knows.';
COMMENT ON COLUMN given_tiers.tier IS 'NULL: what was given by hand before is taken away.';
COMMENT ON COLUMN given_tiers.until IS 'Its last day, of the program''s zone.';

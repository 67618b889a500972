-- Antifraud at the till: rules are facts (0001_facts.sql), changed by four eyes; what they found is projected from the journal.

SET LOCAL lock_timeout = '5s';

CREATE TABLE fraud_rules (
    tenant        text NOT NULL REFERENCES tenants,
    rule          text NOT NULL CHECK (octet_length(rule) BETWEEN 1 AND 64),
    kind          text NOT NULL CHECK (kind IN ('CARD_RECEIPTS', 'CARD_INTERVAL', 'CASHIER_CARD', 'RECEIPT_AMOUNT', 'CARD_AMOUNT',
                                                'CASHIER_RETURNS', 'FAST_RETURN', 'CARD_COUPONS', 'NEW_CARD_REDEMPTION', 'DUPLICATE_SIGN')),
    count_window  text NOT NULL DEFAULT 'DAY' CHECK (count_window IN ('DAY', 'WEEK', 'MONTH', 'ALWAYS')),
    threshold     bigint NOT NULL DEFAULT 0 CHECK (threshold BETWEEN 0 AND 1000000000000),
    seconds       integer NOT NULL DEFAULT 0 CHECK (seconds BETWEEN 0 AND 31622400),
    actions       text[] NOT NULL CHECK (actions <@ '{TAG,CASE,HOLDBACK,DECLINE_REDEMPTION}' AND cardinality(actions) > 0),
    holdback_days integer NOT NULL DEFAULT 0 CHECK (holdback_days BETWEEN 0 AND 365),
    state         text NOT NULL CHECK (state IN ('ACTIVE', 'OFF')),
    title         text NOT NULL DEFAULT '',
    version       bigint NOT NULL,
    valid_from    timestamptz NOT NULL,
    valid_to      timestamptz NOT NULL DEFAULT 'infinity',
    deleted       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, rule, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX fraud_rules_current ON fraud_rules (tenant, rule) WHERE valid_to = 'infinity';
CREATE INDEX fraud_rules_feed ON fraud_rules (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE fraud_rules IS 'What is suspicious at the till, and what follows. At most 64 are ACTIVE: with more, points pay nowhere.';
COMMENT ON COLUMN fraud_rules.threshold IS 'So much may be: times, minor units or codes in count_window.';
COMMENT ON COLUMN fraud_rules.seconds IS 'Of kinds that look at time instead: less is suspicious.';

CREATE TABLE fraud_changes (
    tenant      text NOT NULL REFERENCES tenants,
    change_id   bigint GENERATED ALWAYS AS IDENTITY,
    rule        text NOT NULL,
    value       json NOT NULL,
    reason      text NOT NULL,
    state       text NOT NULL DEFAULT 'PROPOSED' CHECK (state IN ('PROPOSED', 'APPLIED', 'REJECTED')),
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by  text,
    decided_at  timestamptz,
    PRIMARY KEY (tenant, change_id)
);
CREATE INDEX fraud_changes_proposed ON fraud_changes (tenant, change_id) WHERE state = 'PROPOSED';
COMMENT ON TABLE fraud_changes IS 'A rule as one person wants it; it acts when another has agreed.';

CREATE TABLE fraud_cases (
    seq            bigint NOT NULL,
    case_no        smallint NOT NULL,
    rule           text NOT NULL,
    kind           smallint NOT NULL,
    operation_kind smallint NOT NULL,
    store_id       text NOT NULL,
    register_id    text NOT NULL,
    shift_number   bigint NOT NULL,
    receipt_number bigint NOT NULL,
    cashier_id     text NOT NULL,
    card_id        bigint,
    customer_id    bigint,
    account_id     bigint,
    count          bigint NOT NULL,
    threshold      bigint NOT NULL,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (seq, case_no)
);
COMMENT ON TABLE fraud_cases IS 'One row for every rule that a stored sale or return tripped and that wants a person to look. kind: altyn.journal.v1.FraudKind.';
CREATE INDEX fraud_cases_by_place ON fraud_cases (store_id, seq);
CREATE INDEX fraud_cases_by_rule ON fraud_cases (rule, seq);
CREATE INDEX fraud_cases_by_card ON fraud_cases (card_id, seq) WHERE card_id IS NOT NULL;
CREATE INDEX fraud_cases_by_cashier ON fraud_cases (cashier_id, seq) WHERE cashier_id <> '';

CREATE TABLE fraud_decisions (
    seq        bigint NOT NULL,
    case_no    smallint NOT NULL,
    verdict    text NOT NULL CHECK (verdict IN ('FRAUD', 'HONEST')),
    note       text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (seq, case_no)
);
COMMENT ON TABLE fraud_decisions IS 'What a person found; a case without a row is open. Apart from the projection, which may be made anew.';

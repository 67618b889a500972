-- Tables for people, made from the journal by the projector; rebuilt at any time by emptying them and setting the checkpoint to 0.

CREATE TABLE projector_checkpoint (
    projection text PRIMARY KEY,
    seq        bigint NOT NULL,
    moved_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE projector_checkpoint IS 'Up to which journal seq a projection has been made; moved in the transaction that writes the rows.';
INSERT INTO projector_checkpoint (projection, seq) VALUES ('receipts', 0);

CREATE TABLE receipts (
    seq               bigint PRIMARY KEY,
    op_id             uuid NOT NULL,
    store_id          text NOT NULL,
    register_id       text NOT NULL,
    shift_number      bigint NOT NULL,
    receipt_number    bigint NOT NULL,
    business_time     timestamptz NOT NULL,
    business_date     date NOT NULL,
    recorded_at       timestamptz NOT NULL,
    customer_id       bigint,
    account_id        bigint,
    currency          text NOT NULL,
    gross_minor       bigint NOT NULL,
    discount_minor    bigint NOT NULL,
    points_paid_minor bigint NOT NULL,
    rounding_minor    bigint NOT NULL,
    to_pay_minor      bigint NOT NULL,
    lines_count       integer NOT NULL,
    rules_version     bigint NOT NULL,
    status            smallint NOT NULL,
    exceptions        smallint[] NOT NULL
);
COMMENT ON TABLE receipts IS 'One row per committed receipt. business_date is by the store''s wall clock.';
CREATE INDEX receipts_by_date ON receipts (business_date, store_id);
CREATE INDEX receipts_by_customer ON receipts (customer_id, seq) WHERE customer_id IS NOT NULL;
CREATE INDEX receipts_by_key ON receipts (store_id, register_id, shift_number, receipt_number);

CREATE TABLE receipt_lines (
    seq            bigint NOT NULL,
    line_no        integer NOT NULL,
    sku            text NOT NULL,
    group_id       text NOT NULL,
    brand_id       text NOT NULL,
    qty_milli      bigint NOT NULL,
    price_minor    bigint NOT NULL,
    gross_minor    bigint NOT NULL,
    discount_minor bigint NOT NULL,
    net_minor      bigint NOT NULL,
    PRIMARY KEY (seq, line_no)
);
CREATE INDEX receipt_lines_by_sku ON receipt_lines (sku, seq);

CREATE TABLE receipt_discounts (
    seq          bigint NOT NULL,
    line_no      integer NOT NULL,
    discount_no  integer NOT NULL,
    promotion_id text NOT NULL,
    reward_no    integer NOT NULL,
    stage        smallint NOT NULL,
    amount_minor bigint NOT NULL,
    PRIMARY KEY (seq, line_no, discount_no)
);
COMMENT ON TABLE receipt_discounts IS 'Which promotion took what off which line.';
CREATE INDEX receipt_discounts_by_promotion ON receipt_discounts (promotion_id, seq);

CREATE TABLE ledger_entries (
    seq         bigint NOT NULL,
    entry_no    integer NOT NULL,
    posting_no  integer NOT NULL,
    kind        smallint NOT NULL,
    account_id  bigint NOT NULL,
    asset_no    smallint NOT NULL,
    points      bigint NOT NULL,
    lot_id      bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (seq, entry_no, posting_no)
);
COMMENT ON TABLE ledger_entries IS 'Postings; within one (seq, entry_no) they sum to zero per asset. Accounts below 0 are the programme''s own.';
CREATE INDEX ledger_entries_by_account ON ledger_entries (account_id, seq) WHERE account_id > 0;

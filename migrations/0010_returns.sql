-- Returns and voids as people and ReconcileShift read them: made from the journal by the projector, as the tables of 0003 are.

SET LOCAL lock_timeout = '5s';

CREATE TABLE receipt_returns (
    seq            bigint PRIMARY KEY,
    op_id          uuid NOT NULL,
    sale_seq       bigint,
    store_id       text NOT NULL,
    register_id    text NOT NULL,
    shift_number   bigint NOT NULL,
    receipt_number bigint NOT NULL,
    recorded_at    timestamptz NOT NULL,
    refund_minor   bigint NOT NULL,
    is_void        boolean NOT NULL,
    has_waited     boolean NOT NULL,
    status         smallint NOT NULL,
    exceptions     smallint[] NOT NULL
);
COMMENT ON TABLE receipt_returns IS 'One row per return and per void of a committed receipt. A return that came before its sale has two: PARKED, and the one that applied it (has_waited).';
COMMENT ON COLUMN receipt_returns.sale_seq IS 'seq of the sale in receipts; null while it is not known.';
CREATE INDEX receipt_returns_by_shift ON receipt_returns (store_id, register_id, shift_number);
CREATE INDEX receipt_returns_by_sale ON receipt_returns (sale_seq) WHERE sale_seq IS NOT NULL;

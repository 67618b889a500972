-- Facts a person should look at: made from the journal by the projector, and what people decided about them.

SET LOCAL lock_timeout = '5s';

CREATE TABLE exceptions (
    seq            bigint NOT NULL,
    exception_no   smallint NOT NULL,
    kind           smallint NOT NULL,
    status         smallint NOT NULL,
    reason         smallint NOT NULL,
    store_id       text NOT NULL,
    register_id    text NOT NULL,
    shift_number   bigint NOT NULL,
    receipt_number bigint NOT NULL,
    account_id     bigint,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (seq, exception_no)
);
COMMENT ON TABLE exceptions IS
    'One row for every exception of a journal row, in its order. Numbers are those of altyn.pos.v1 (OperationKind, Status, '
    'Reason), so that a reason of tomorrow needs no change here.';
CREATE INDEX exceptions_by_reason ON exceptions (reason, seq);
CREATE INDEX exceptions_by_place ON exceptions (store_id, register_id, seq);

CREATE TABLE exception_resolutions (
    seq          bigint NOT NULL,
    exception_no smallint NOT NULL,
    note         text NOT NULL,
    resolved_by  text NOT NULL,
    resolved_at  timestamptz NOT NULL,
    PRIMARY KEY (seq, exception_no)
);
COMMENT ON TABLE exception_resolutions IS
    'What a person decided; an exception without a row is open. Apart from the projection, which may be made anew.';

-- What was projected before this table existed.
INSERT INTO exceptions
SELECT seq, number - 1, 2, status, reason, store_id, register_id, shift_number, receipt_number, account_id, recorded_at
  FROM receipts, unnest(exceptions) WITH ORDINALITY AS exception (reason, number);

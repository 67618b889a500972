-- The outbox of what customers are to be told. The server has no right on personal data: it writes whom and what, the sender the text.

SET LOCAL lock_timeout = '5s';

CREATE TABLE notices (
    tenant       text NOT NULL REFERENCES tenants,
    notice_id    bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    customer_id  bigint NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('ONE_TIME_CODE')),
    step         bigint NOT NULL,
    state        text NOT NULL DEFAULT 'NEW' CHECK (state IN ('NEW', 'SENT')),
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, notice_id)
);
CREATE INDEX notices_by_customer ON notices (tenant, customer_id, created_at);
COMMENT ON TABLE notices IS 'One-time codes that registers asked to be sent; the sender takes them in order, computes each code and marks the row.';
COMMENT ON COLUMN notices.step IS 'The five minutes since 1970 whose code it is; the code itself is nowhere.';

-- The back office: who may ask it what, what was done by whom, and the marketers' documents before they are published.
--
-- Every change of the back office writes its row of audit_log in the same transaction. Rows are chained by hash, so an edited,
-- removed or reordered row is found by anyone who reads the table; only a cut tail needs a head noted elsewhere.

SET LOCAL lock_timeout = '5s';

CREATE TABLE api_keys (
    tenant     text NOT NULL REFERENCES tenants,
    key_id     text NOT NULL,
    key_hash   bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    title      text NOT NULL,
    scopes     text[] NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 100),
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    PRIMARY KEY (tenant, key_id),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (key_hash);
COMMENT ON TABLE api_keys IS
    'Keys of the HTTP API: SHA-256 of the key (256 random bits, so a plain hash is enough) and what it may do. A key is shown '
    'once, when it is made.';
COMMENT ON COLUMN api_keys.key_id IS 'Public name of the key: the actor of audit rows.';

CREATE TABLE audit_log (
    tenant      text NOT NULL REFERENCES tenants,
    audit_no    bigint NOT NULL CHECK (audit_no > 0),
    at          timestamptz NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    object_kind text NOT NULL,
    object_id   text NOT NULL,
    before      jsonb,
    after       jsonb,
    request_id  text NOT NULL,
    prev_hash   bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
    row_hash    bytea NOT NULL CHECK (octet_length(row_hash) = 32),
    PRIMARY KEY (tenant, audit_no)
);
CREATE INDEX audit_log_by_object ON audit_log (tenant, object_kind, object_id, audit_no);
CREATE TRIGGER audit_log_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE audit_log IS
    'What the back office did. Numbers run from 1 without gaps; row_hash = SHA-256(prev_hash || canonical JSON of the row).';
COMMENT ON COLUMN audit_log.before IS 'Never holds personal data, card numbers, phones or keys.';

CREATE TABLE promotions (
    tenant       text NOT NULL REFERENCES tenants,
    promotion_id text NOT NULL,
    document     json NOT NULL,
    state        text NOT NULL CHECK (state IN ('DRAFT', 'ACTIVE', 'ARCHIVED')),
    revision     bigint NOT NULL CHECK (revision > 0),
    updated_by   text NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, promotion_id)
);
CREATE INDEX promotions_by_state ON promotions (tenant, state, promotion_id);
COMMENT ON TABLE promotions IS
    'Promotion documents as the marketer wrote them (json, not jsonb: keys keep their order). Servers never read them: they run '
    'releases, and an ACTIVE promotion takes part in the next release.';
COMMENT ON COLUMN promotions.revision IS 'Grows by one with every change; the ETag by which two editors notice each other.';

CREATE TABLE promotion_revisions (
    tenant       text NOT NULL REFERENCES tenants,
    promotion_id text NOT NULL,
    revision     bigint NOT NULL,
    document     json NOT NULL,
    state        text NOT NULL,
    changed_by   text NOT NULL,
    changed_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, promotion_id, revision)
);
CREATE TRIGGER promotion_revisions_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON promotion_revisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE promotion_revisions IS 'Every revision a promotion has had, the current one included.';

CREATE TABLE admin_answers (
    tenant          text NOT NULL REFERENCES tenants,
    key_id          text NOT NULL,
    idempotency_key text NOT NULL CHECK (octet_length(idempotency_key) BETWEEN 1 AND 200),
    request_sha256  bytea NOT NULL CHECK (octet_length(request_sha256) = 32),
    status_code     smallint NOT NULL DEFAULT 0,
    headers         jsonb NOT NULL DEFAULT '{}',
    body            bytea,
    answered_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant, key_id, idempotency_key)
);
CREATE INDEX admin_answers_by_age ON admin_answers (answered_at);
COMMENT ON TABLE admin_answers IS
    'What a write answered, by its Idempotency-Key: the same call sent again gets the same answer and changes nothing.';
COMMENT ON COLUMN admin_answers.body IS 'Null when the answer held a key that is shown once: it is not kept in clear.';

-- Whether an account exists is asked before points are given to it.
CREATE INDEX customers_current_account ON customers (tenant, account_id) WHERE valid_to = 'infinity';
CREATE INDEX cards_current_account ON cards (tenant, account_id) WHERE valid_to = 'infinity';

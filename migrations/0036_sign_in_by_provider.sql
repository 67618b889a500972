-- People who sign in by an identity provider (OIDC): whom it means, and which sessions it has proved. And codes for whoever
-- has lost their second factor.

SET LOCAL lock_timeout = '5s';

ALTER TABLE people
    ADD COLUMN email text NOT NULL DEFAULT '' CHECK (octet_length(email) <= 254 AND email = lower(email)),
    ADD COLUMN oidc_issuer text NOT NULL DEFAULT '' CHECK (octet_length(oidc_issuer) <= 1024),
    ADD COLUMN oidc_subject text NOT NULL DEFAULT '' CHECK (octet_length(oidc_subject) <= 1024),
    ADD CHECK ((oidc_issuer = '') = (oidc_subject = ''));
CREATE UNIQUE INDEX people_by_email ON people (tenant, email) WHERE email <> '';
CREATE UNIQUE INDEX people_by_subject ON people (tenant, oidc_issuer, oidc_subject) WHERE oidc_subject <> '';
COMMENT ON COLUMN people.email IS 'By which a provider that has verified it finds the person the first time; may be emptied.';
COMMENT ON COLUMN people.oidc_subject IS 'The name that provider gave them for ever: from the first sign-in on they are found by it alone.';

ALTER TABLE person_sessions
    ADD COLUMN by_provider boolean NOT NULL DEFAULT false,
    ADD COLUMN has_second_factor boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN person_sessions.has_second_factor IS 'Of a session by a provider: it has asked for a second factor. Others owe what the person''s row says.';
CREATE INDEX person_sessions_live ON person_sessions (tenant, started_at) WHERE ended_at IS NULL;

CREATE TABLE oidc_states (
    tenant     text NOT NULL REFERENCES tenants,
    state_hash bytea NOT NULL CHECK (octet_length(state_hash) = 32),
    taken_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, state_hash)
);
CREATE INDEX oidc_states_by_age ON oidc_states (taken_at);
COMMENT ON TABLE oidc_states IS 'States that came back from the provider: each is taken once. Forgotten when they are too old to be taken.';

CREATE TABLE person_recovery_codes (
    tenant    text NOT NULL,
    person_id text NOT NULL,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    made_at   timestamptz NOT NULL,
    used_at   timestamptz,
    PRIMARY KEY (tenant, person_id, code_hash),
    FOREIGN KEY (tenant, person_id) REFERENCES people
);
COMMENT ON TABLE person_recovery_codes IS
    'Each opens once in place of a second factor''s code. Hashes are keyed by the installation''s pepper: a copy of the database opens nothing.';

-- The page of jobs tells how much waits of what works all the time.
CREATE INDEX notices_new ON notices (tenant, created_at) WHERE state = 'NEW';
CREATE INDEX coupon_exports_asked ON coupon_exports (tenant, asked_at) WHERE state = 'ASKED';

-- What was done last with each family of a page.
CREATE INDEX account_acts_by_family ON account_acts (tenant, family_id, act_id) WHERE family_id IS NOT NULL;

-- A year of what promotions took off is millions of rows by day, promotion and store, and every report of it drops one of the two. So the
-- sums are kept without each, in the transaction that writes promotion_days, whoever does. Rebuilt with it: empty all three.
CREATE TABLE promotion_network_days (
    day            date NOT NULL,
    promotion_id   text NOT NULL,
    receipts_count bigint NOT NULL,
    lines_count    bigint NOT NULL,
    discount_minor bigint NOT NULL,
    PRIMARY KEY (day, promotion_id)
);
COMMENT ON TABLE promotion_network_days IS 'promotion_days of all stores together.';
CREATE TABLE promotion_store_days (
    day            date NOT NULL,
    store_id       text NOT NULL,
    receipts_count bigint NOT NULL,
    lines_count    bigint NOT NULL,
    discount_minor bigint NOT NULL,
    PRIMARY KEY (day, store_id)
);
COMMENT ON TABLE promotion_store_days IS 'promotion_days of all promotions together: a receipt counts once for each promotion.';
CREATE INDEX promotion_days_by_store ON promotion_days (store_id, day);

CREATE FUNCTION add_promotion_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO promotion_network_days AS known
        SELECT day, promotion_id, sum(receipts_count), sum(lines_count), sum(discount_minor) FROM written GROUP BY 1, 2
        ON CONFLICT (day, promotion_id) DO UPDATE SET
            receipts_count = known.receipts_count + excluded.receipts_count,
            lines_count = known.lines_count + excluded.lines_count,
            discount_minor = known.discount_minor + excluded.discount_minor;
        INSERT INTO promotion_store_days AS known
        SELECT day, store_id, sum(receipts_count), sum(lines_count), sum(discount_minor) FROM written GROUP BY 1, 2
        ON CONFLICT (day, store_id) DO UPDATE SET
            receipts_count = known.receipts_count + excluded.receipts_count,
            lines_count = known.lines_count + excluded.lines_count,
            discount_minor = known.discount_minor + excluded.discount_minor;
    ELSE
        UPDATE promotion_network_days AS known SET
            receipts_count = known.receipts_count + grown.receipts_count,
            lines_count = known.lines_count + grown.lines_count,
            discount_minor = known.discount_minor + grown.discount_minor
          FROM (SELECT day, promotion_id, sum(written.receipts_count - before.receipts_count) AS receipts_count,
                       sum(written.lines_count - before.lines_count) AS lines_count,
                       sum(written.discount_minor - before.discount_minor) AS discount_minor
                  FROM written JOIN before USING (day, promotion_id, store_id) GROUP BY 1, 2) AS grown
         WHERE known.day = grown.day AND known.promotion_id = grown.promotion_id;
        UPDATE promotion_store_days AS known SET
            receipts_count = known.receipts_count + grown.receipts_count,
            lines_count = known.lines_count + grown.lines_count,
            discount_minor = known.discount_minor + grown.discount_minor
          FROM (SELECT day, store_id, sum(written.receipts_count - before.receipts_count) AS receipts_count,
                       sum(written.lines_count - before.lines_count) AS lines_count,
                       sum(written.discount_minor - before.discount_minor) AS discount_minor
                  FROM written JOIN before USING (day, promotion_id, store_id) GROUP BY 1, 2) AS grown
         WHERE known.day = grown.day AND known.store_id = grown.store_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER promotion_sums_of_new AFTER INSERT ON promotion_days REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION add_promotion_sums();
CREATE TRIGGER promotion_sums_of_grown AFTER UPDATE ON promotion_days REFERENCING OLD TABLE AS before NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION add_promotion_sums();
INSERT INTO promotion_network_days
SELECT day, promotion_id, sum(receipts_count), sum(lines_count), sum(discount_minor) FROM promotion_days GROUP BY 1, 2;
INSERT INTO promotion_store_days
SELECT day, store_id, sum(receipts_count), sum(lines_count), sum(discount_minor) FROM promotion_days GROUP BY 1, 2;

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

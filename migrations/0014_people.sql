-- People who sign in to the back office: who they are, which roles they have where, and their sessions.
--
-- Nothing here opens anything when it is copied: passwords are Argon2id, session tokens SHA-256 of 256 random bits, and a second factor's secret is
-- derived from the installation's pepper and a salt.

SET LOCAL lock_timeout = '5s';

CREATE TABLE people (
    tenant            text NOT NULL REFERENCES tenants,
    person_id         text NOT NULL CHECK (person_id ~ '^[a-z][a-z0-9._-]{1,39}$'),
    name              text NOT NULL DEFAULT '',
    state             text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'BLOCKED')),
    password_hash     text,
    password_is_given boolean NOT NULL DEFAULT true,
    factor_salt       bytea CHECK (octet_length(factor_salt) = 16),
    factor_is_set     boolean NOT NULL DEFAULT false,
    factor_step       bigint NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL,
    created_by        text NOT NULL,
    PRIMARY KEY (tenant, person_id),
    CHECK (NOT factor_is_set OR factor_salt IS NOT NULL)
);
COMMENT ON TABLE people IS 'Who may sign in. The login is the person''s name in the audit log, so it is for ever; `name` may be emptied.';
COMMENT ON COLUMN people.password_is_given IS 'Somebody else knows it: it must be changed before anything else is done.';
COMMENT ON COLUMN people.factor_step IS 'The last step whose code was taken: a code opens once.';

CREATE TABLE person_roles (
    tenant     text NOT NULL,
    person_id  text NOT NULL,
    role       text NOT NULL CHECK (role ~ '^[A-Z_]{3,40}$'),
    reach      text NOT NULL CHECK (reach IN ('NETWORK', 'REGION', 'STORE')),
    place      text NOT NULL DEFAULT '' CHECK (octet_length(place) <= 64),
    granted_at timestamptz NOT NULL,
    granted_by text NOT NULL,
    PRIMARY KEY (tenant, person_id, role, reach, place),
    FOREIGN KEY (tenant, person_id) REFERENCES people,
    CHECK ((reach = 'NETWORK') = (place = ''))
);
COMMENT ON COLUMN person_roles.place IS 'A region or a store; empty for the whole network.';

CREATE TABLE person_sessions (
    tenant     text NOT NULL,
    session_id text NOT NULL,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    person_id  text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    PRIMARY KEY (tenant, session_id),
    FOREIGN KEY (tenant, person_id) REFERENCES people
);
CREATE UNIQUE INDEX person_sessions_by_token ON person_sessions (token_hash);
CREATE INDEX person_sessions_by_person ON person_sessions (tenant, person_id, started_at);
COMMENT ON TABLE person_sessions IS 'A session ends when it is ended, at expires_at, or half an hour after seen_at, which is written at most once a minute.';

CREATE TABLE sign_in_attempts (
    tenant         text NOT NULL REFERENCES tenants,
    login_hash     bytea NOT NULL CHECK (octet_length(login_hash) = 32),
    failures_count integer NOT NULL CHECK (failures_count > 0),
    tried_at       timestamptz NOT NULL,
    closed_until   timestamptz NOT NULL,
    PRIMARY KEY (tenant, login_hash)
);
CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (tried_at);
COMMENT ON TABLE sign_in_attempts IS
    'Attempts that failed, by a hash of the login, whether anybody has it or not. They delay the next one; nobody is locked out for good.';

-- Blocking a card became a scope of its own; whoever could do it still can.
UPDATE api_keys SET scopes = scopes || '{cards:block,cards:unblock}'
 WHERE revoked_at IS NULL AND 'customers:write' = ANY(scopes) AND NOT 'cards:block' = ANY(scopes);

-- Tiers of customers: which sum of a period makes which tier, and how long it holds.

SET LOCAL lock_timeout = '5s';

CREATE TABLE tier_terms (
    tenant     text NOT NULL REFERENCES tenants,
    scheme     text NOT NULL CHECK (scheme = 'PROGRAM'),
    terms      jsonb NOT NULL,
    version    bigint NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to   timestamptz NOT NULL DEFAULT 'infinity',
    deleted    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, scheme, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX tier_terms_current ON tier_terms (tenant, scheme) WHERE valid_to = 'infinity';
CREATE INDEX tier_terms_feed ON tier_terms (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE tier_terms IS 'All tiers of the program in one value, so that no server ever knows half of a change.';

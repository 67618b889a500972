-- Value beyond receipts: money assets and rates between assets, families, acts on accounts that are worked off, points given by hand with
-- four eyes, points given to many.

SET LOCAL lock_timeout = '5s';

ALTER TABLE assets
    ADD COLUMN kind text NOT NULL DEFAULT 'POINTS' CHECK (kind IN ('POINTS', 'MONEY')),
    ADD COLUMN adjust_points_max bigint CHECK (adjust_points_max >= 0),
    ADD COLUMN adjust_day_points_max bigint CHECK (adjust_day_points_max >= 0);
COMMENT ON COLUMN assets.kind IS 'MONEY: the asset is a sum of the program''s currency, its scale the currency''s exponent.';
COMMENT ON COLUMN assets.adjust_points_max IS 'What a person may give by hand at once without a second pair of eyes; null: nothing.';
COMMENT ON COLUMN assets.adjust_day_points_max IS 'And in one day of the program; null: no bound of its own.';

CREATE TABLE asset_rates (
    tenant      text NOT NULL REFERENCES tenants,
    asset       text NOT NULL,
    to_asset    text NOT NULL CHECK (to_asset <> asset),
    from_points bigint NOT NULL CHECK (from_points BETWEEN 1 AND 1000000000),
    to_points   bigint NOT NULL CHECK (to_points BETWEEN 1 AND 1000000000),
    version     bigint NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    deleted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, asset, to_asset, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX asset_rates_current ON asset_rates (tenant, asset, to_asset) WHERE valid_to = 'infinity';
CREATE INDEX asset_rates_feed ON asset_rates (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE asset_rates IS 'from_points of one asset are worth to_points of the other, each in its smallest unit.';

CREATE TABLE adjustments (
    tenant         text NOT NULL REFERENCES tenants,
    adjustment_id  bigint GENERATED ALWAYS AS IDENTITY,
    op_id          bytea NOT NULL CHECK (octet_length(op_id) = 16),
    account_id     bigint NOT NULL CHECK (account_id > 0),
    asset          text NOT NULL,
    points         bigint NOT NULL CHECK (points <> 0),
    reason         text NOT NULL,
    active_from_us bigint NOT NULL,
    expires_at_us  bigint NOT NULL,
    state          text NOT NULL CHECK (state IN ('ASKED', 'GIVEN', 'REJECTED')),
    asked_by       text NOT NULL,
    asked_at       timestamptz NOT NULL,
    decided_by     text,
    decided_at     timestamptz,
    decision       text NOT NULL DEFAULT '',
    journal_seq    bigint,
    lot_id         bigint,
    PRIMARY KEY (tenant, adjustment_id),
    UNIQUE (tenant, op_id)
);
CREATE INDEX adjustments_asked ON adjustments (tenant, adjustment_id) WHERE state = 'ASKED';
CREATE INDEX adjustments_by_asker ON adjustments (tenant, asked_by, asked_at);
CREATE INDEX adjustments_by_account ON adjustments (tenant, account_id, adjustment_id);
COMMENT ON TABLE adjustments IS 'Points given and taken by hand: asked for, and given at once or when somebody else has agreed.';

CREATE TABLE families (
    tenant     text NOT NULL REFERENCES tenants,
    family_id  bigint GENERATED ALWAYS AS IDENTITY,
    title      text NOT NULL DEFAULT '',
    head_id    bigint NOT NULL,
    account_id bigint NOT NULL CHECK (account_id > 0),
    state      text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'CLOSED')),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, family_id)
);
COMMENT ON TABLE families IS 'Customers whose points are one account: that of the head.';

CREATE TABLE family_members (
    tenant      text NOT NULL REFERENCES tenants,
    customer_id bigint NOT NULL,
    family_id   bigint NOT NULL,
    state       text NOT NULL CHECK (state IN ('JOINING', 'MEMBER', 'LEAVING')),
    since       timestamptz NOT NULL,
    PRIMARY KEY (tenant, customer_id),
    FOREIGN KEY (tenant, family_id) REFERENCES families
);
CREATE INDEX family_members_by_family ON family_members (tenant, family_id, customer_id);

CREATE TABLE account_acts (
    tenant          text NOT NULL REFERENCES tenants,
    act_id          bigint GENERATED ALWAYS AS IDENTITY,
    kind            text NOT NULL CHECK (kind IN ('JOIN', 'LEAVE', 'MERGE')),
    state           text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'DONE', 'REFUSED')),
    refusal         text NOT NULL DEFAULT '',
    customer_id     bigint NOT NULL,
    to_customer_id  bigint,
    family_id       bigint,
    account_id      bigint NOT NULL CHECK (account_id > 0),
    to_account_id   bigint NOT NULL CHECK (to_account_id > 0),
    points          json NOT NULL DEFAULT '{}',
    reason          text NOT NULL,
    tries_count     integer NOT NULL DEFAULT 0,
    next_at         timestamptz NOT NULL,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, act_id)
);
CREATE INDEX account_acts_pending ON account_acts (tenant, next_at) WHERE state = 'PENDING';
CREATE INDEX account_acts_by_customer ON account_acts (tenant, customer_id, act_id);
COMMENT ON TABLE account_acts IS
    'What is to be done to an account by the processing server and then to facts: written before it begins, so that whoever ends in '
    'between goes on under the same op_ids.';

CREATE TABLE accrual_jobs (
    tenant         text NOT NULL REFERENCES tenants,
    job_id         bigint GENERATED ALWAYS AS IDENTITY,
    title          text NOT NULL,
    asset          text NOT NULL,
    points         bigint NOT NULL CHECK (points > 0),
    reason         text NOT NULL,
    segment        text,
    customer_ids   bigint[],
    expires        json NOT NULL,
    starts_at      timestamptz NOT NULL,
    state          text NOT NULL CHECK (state IN ('PROPOSED', 'QUEUED', 'RUNNING', 'DONE', 'CANCELLED', 'FAILED')),
    refusal        text NOT NULL DEFAULT '',
    account_ids    bigint[],
    expires_at_us  bigint NOT NULL DEFAULT 0,
    total_count    integer NOT NULL DEFAULT 0,
    done_count     integer NOT NULL DEFAULT 0 CHECK (done_count BETWEEN 0 AND total_count),
    given_count    integer NOT NULL DEFAULT 0,
    declined_count integer NOT NULL DEFAULT 0,
    created_by     text NOT NULL,
    created_at     timestamptz NOT NULL,
    approved_by    text,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant, job_id),
    CHECK ((segment IS NULL) <> (customer_ids IS NULL))
);
CREATE INDEX accrual_jobs_unfinished ON accrual_jobs (tenant, starts_at) WHERE state IN ('QUEUED', 'RUNNING');
COMMENT ON TABLE accrual_jobs IS 'Points for a list or a segment: proposed by one, approved by another, given slice by slice once each account.';
COMMENT ON COLUMN accrual_jobs.account_ids IS 'Taken when the job begins; a member of a segment is whoever is one then.';

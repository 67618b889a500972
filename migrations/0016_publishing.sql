-- From a draft to the tills in steps: review by other eyes, approval, a date, a stop. And receipts whose outcome publishing watches.

SET LOCAL lock_timeout = '5s';

ALTER TABLE promotions DROP CONSTRAINT promotions_state_check;
ALTER TABLE promotions
    ADD CONSTRAINT promotions_state_check
        CHECK (state IN ('DRAFT', 'REVIEW', 'APPROVED', 'SCHEDULED', 'ACTIVE', 'SUSPENDED', 'ARCHIVED')),
    ADD COLUMN released_revision bigint,
    ADD COLUMN effective_at timestamptz CHECK (isfinite(effective_at));
UPDATE promotions SET released_revision = revision WHERE state = 'ACTIVE';
ALTER TABLE promotions
    ADD CHECK ((state = 'SCHEDULED') = (effective_at IS NOT NULL)),
    ADD CHECK (state <> 'ACTIVE' OR released_revision = revision),
    ADD CHECK (state NOT IN ('SUSPENDED', 'ARCHIVED') OR released_revision IS NULL);
COMMENT ON TABLE promotions IS
    'Promotion documents as the marketer wrote them (json, not jsonb: keys keep their order). Servers never read them: they run '
    'releases, and the released revision of a promotion takes part in the next one.';
COMMENT ON COLUMN promotions.released_revision IS
    'The revision that takes part in releases; null: none. An active promotion that is edited by a person is a draft again, and this one goes on until the draft is published.';
COMMENT ON COLUMN promotions.effective_at IS 'When the scheduled revision comes into force; its release is published already.';

ALTER TABLE tenants
    ADD COLUMN four_eyes boolean NOT NULL DEFAULT true,
    ADD COLUMN second_approval_ppm integer NOT NULL DEFAULT 300000 CHECK (second_approval_ppm BETWEEN 0 AND 1000000);
COMMENT ON COLUMN tenants.four_eyes IS 'Nobody approves what they wrote. Off only where one person does everything.';
COMMENT ON COLUMN tenants.second_approval_ppm IS 'From this expected discount on, a promotion needs two approvals.';

CREATE TABLE promotion_reviews (
    tenant                text NOT NULL,
    promotion_id          text NOT NULL,
    review_no             integer NOT NULL CHECK (review_no > 0),
    revision              bigint NOT NULL,
    state                 text NOT NULL CHECK (state IN ('OPEN', 'APPROVED', 'REJECTED', 'WITHDRAWN')),
    authors               text[] NOT NULL,
    submitted_by          text NOT NULL,
    submitted_at          timestamptz NOT NULL,
    expires_at            timestamptz NOT NULL,
    note                  text NOT NULL,
    approvals_needed      smallint NOT NULL CHECK (approvals_needed > 0),
    expected_discount_ppm integer NOT NULL,
    remarks               jsonb NOT NULL,
    differences           jsonb NOT NULL,
    cases_count           integer NOT NULL,
    decided_by            text,
    decided_at            timestamptz,
    reason                text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, promotion_id, review_no),
    FOREIGN KEY (tenant, promotion_id) REFERENCES promotions
);
COMMENT ON TABLE promotion_reviews IS 'What was found when a promotion was submitted, and what was decided about it. Rows are never deleted.';
COMMENT ON COLUMN promotion_reviews.authors IS 'Who wrote what is reviewed since the last release of it, and who submitted it: none of them approves.';

CREATE TABLE promotion_approvals (
    tenant       text NOT NULL,
    promotion_id text NOT NULL,
    review_no    integer NOT NULL,
    approved_by  text NOT NULL,
    approved_at  timestamptz NOT NULL,
    note         text NOT NULL,
    PRIMARY KEY (tenant, promotion_id, review_no, approved_by),
    FOREIGN KEY (tenant, promotion_id, review_no) REFERENCES promotion_reviews
);

CREATE TABLE receipt_cases (
    tenant      text NOT NULL REFERENCES tenants,
    case_id     text NOT NULL CHECK (octet_length(case_id) BETWEEN 1 AND 64),
    title       text NOT NULL DEFAULT '',
    request     json NOT NULL,
    expected    jsonb NOT NULL,
    revision    bigint NOT NULL CHECK (revision > 0),
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    PRIMARY KEY (tenant, case_id)
);
COMMENT ON TABLE receipt_cases IS 'Sample receipts with the outcome they had when they were recorded; publishing tells what would differ.';

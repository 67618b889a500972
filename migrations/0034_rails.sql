-- Guard rails of publishing: how much a release may give away before somebody answers for it, and what stops it by itself.

SET LOCAL lock_timeout = '5s';

CREATE TABLE publishing_rails (
    tenant                   text PRIMARY KEY REFERENCES tenants,
    receipt_discount_max_ppm integer NOT NULL DEFAULT 700000 CHECK (receipt_discount_max_ppm BETWEEN 0 AND 1000000),
    price_floor_ppm          integer NOT NULL DEFAULT 0 CHECK (price_floor_ppm BETWEEN 0 AND 1000000),
    hour_budget_minor        bigint NOT NULL DEFAULT 0 CHECK (hour_budget_minor BETWEEN 0 AND 9007199254740992),
    ratio_times_max          smallint NOT NULL DEFAULT 3 CHECK (ratio_times_max BETWEEN 0 AND 100),
    ratio_least_ppm          integer NOT NULL DEFAULT 100000 CHECK (ratio_least_ppm BETWEEN 0 AND 1000000),
    receipts_least_count     integer NOT NULL DEFAULT 20 CHECK (receipts_least_count BETWEEN 1 AND 10000),
    budget_alert_ppm         integer NOT NULL DEFAULT 800000 CHECK (budget_alert_ppm BETWEEN 1 AND 1000000)
);
COMMENT ON TABLE publishing_rails IS 'A programme without a row has the defaults.';
COMMENT ON COLUMN publishing_rails.receipt_discount_max_ppm IS 'The largest share of a receipt that may be taken off; 1000000: any.';
COMMENT ON COLUMN publishing_rails.price_floor_ppm IS 'The smallest share of its shelf price that a line may be left with; 0: any, gifts too.';
COMMENT ON COLUMN publishing_rails.hour_budget_minor IS 'What one promotion may take off in an hour; 0: any.';
COMMENT ON COLUMN publishing_rails.ratio_times_max IS
    'A promotion is stopped when what is given of sales is more than so many times what was given before its release; 0: never.';
COMMENT ON COLUMN publishing_rails.ratio_least_ppm IS 'A share below this stops nothing.';
COMMENT ON COLUMN publishing_rails.receipts_least_count IS 'Fewer receipts than this prove nothing.';
COMMENT ON COLUMN publishing_rails.budget_alert_ppm IS 'From this share of a budget on people are told.';

CREATE TABLE rails_changes (
    tenant      text NOT NULL REFERENCES tenants,
    change_id   bigint GENERATED ALWAYS AS IDENTITY,
    value       json NOT NULL,
    reason      text NOT NULL,
    state       text NOT NULL DEFAULT 'PROPOSED' CHECK (state IN ('PROPOSED', 'APPLIED', 'REJECTED')),
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by  text,
    decided_at  timestamptz,
    PRIMARY KEY (tenant, change_id)
);
COMMENT ON TABLE rails_changes IS 'The rails as one person wants them; they hold when another has agreed.';

CREATE TABLE release_baselines (
    tenant         text NOT NULL,
    version        bigint NOT NULL,
    receipts_count bigint NOT NULL CHECK (receipts_count > 0),
    gross_minor    bigint NOT NULL CHECK (gross_minor > 0),
    discount_minor bigint NOT NULL CHECK (discount_minor >= 0),
    promotions     jsonb NOT NULL,
    PRIMARY KEY (tenant, version),
    FOREIGN KEY (tenant, version) REFERENCES rules_release
);
COMMENT ON TABLE release_baselines IS 'What the last receipts before a release were given: what came after is compared with it.';
COMMENT ON COLUMN release_baselines.promotions IS 'Discount by promotion, in minor units.';

CREATE TABLE publishing_alerts (
    tenant          text NOT NULL REFERENCES tenants,
    alert_id        bigint GENERATED ALWAYS AS IDENTITY,
    kind            text NOT NULL CHECK (kind IN ('STOPPED', 'STOP_FAILED', 'BUDGET_NEAR')),
    promotion_id    text NOT NULL,
    occasion        text NOT NULL,
    told            jsonb NOT NULL,
    raised_at       timestamptz NOT NULL,
    acknowledged_by text,
    acknowledged_at timestamptz,
    PRIMARY KEY (tenant, alert_id),
    UNIQUE (tenant, kind, promotion_id, occasion)
);
CREATE INDEX publishing_alerts_open ON publishing_alerts (tenant, alert_id) WHERE acknowledged_at IS NULL;
COMMENT ON TABLE publishing_alerts IS 'What publishing has to tell people, once for each occasion. Rows are never deleted.';
COMMENT ON COLUMN publishing_alerts.occasion IS 'What it is told once for: a release, or a window of a budget with its cap.';

ALTER TABLE promotion_reviews
    ADD COLUMN breaches jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN rehearsed_count integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN promotion_reviews.breaches IS 'Rails that the last receipts would have broken with it.';
COMMENT ON COLUMN promotion_reviews.rehearsed_count IS 'Receipts it was rehearsed on.';
ALTER TABLE promotion_approvals ADD COLUMN override_reason text NOT NULL DEFAULT '';
COMMENT ON COLUMN promotion_approvals.override_reason IS 'Why the rails may be broken.';

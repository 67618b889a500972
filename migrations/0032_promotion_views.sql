-- Named views of the promotions: filters of the console that somebody keeps.

SET LOCAL lock_timeout = '5s';

CREATE TABLE promotion_views (
    tenant      text NOT NULL REFERENCES tenants,
    view_id     bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    name        text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 60),
    filters     jsonb NOT NULL,
    owner       text NOT NULL,
    is_shared   boolean NOT NULL,
    changed_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, view_id)
);
CREATE UNIQUE INDEX promotion_views_own ON promotion_views (tenant, owner, name) WHERE NOT is_shared;
CREATE UNIQUE INDEX promotion_views_shared ON promotion_views (tenant, name) WHERE is_shared;
COMMENT ON TABLE promotion_views IS 'Filters under a name; a shared one is seen by everybody who sees promotions.';
COMMENT ON COLUMN promotion_views.owner IS 'Who made it, as the audit log names them.';

CREATE TABLE default_promotion_views (
    tenant   text NOT NULL,
    actor    text NOT NULL,
    view_id  bigint NOT NULL,
    PRIMARY KEY (tenant, actor),
    FOREIGN KEY (tenant, view_id) REFERENCES promotion_views ON DELETE CASCADE
);
COMMENT ON TABLE default_promotion_views IS 'The view somebody begins with.';

-- Decisions about exceptions, and what the program allows where no rule decides: spending offline, returns without a receipt.

SET LOCAL lock_timeout = '5s';

CREATE TABLE program_limits (
    tenant     text NOT NULL REFERENCES tenants,
    subject    text NOT NULL CHECK (subject IN ('DECISIONS', 'OFFLINE', 'RETURNS')),
    limits     jsonb NOT NULL,
    version    bigint NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to   timestamptz NOT NULL DEFAULT 'infinity',
    deleted    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, subject, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX program_limits_current ON program_limits (tenant, subject) WHERE valid_to = 'infinity';
CREATE INDEX program_limits_feed ON program_limits (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE program_limits IS 'Bounds by name, one row for each subject; a subject without a row allows nothing.';

CREATE TABLE exception_decisions (
    seq          bigint NOT NULL,
    exception_no smallint NOT NULL,
    decided_seq  bigint NOT NULL,
    applied      boolean NOT NULL,
    note         text NOT NULL,
    actor        text NOT NULL,
    recorded_at  timestamptz NOT NULL,
    PRIMARY KEY (seq, exception_no)
);
COMMENT ON TABLE exception_decisions IS
    'Made from the journal by the projector: what was decided, for good, about the exception of a sale. decided_seq is the decision''s own.';

CREATE VIEW exception_outcomes AS
SELECT seq, exception_no, note, actor AS resolved_by, recorded_at AS resolved_at, applied, decided_seq FROM exception_decisions
 UNION ALL
SELECT seq, exception_no, note, resolved_by, resolved_at, NULL, NULL FROM exception_resolutions
 WHERE NOT EXISTS (SELECT FROM exception_decisions AS decision
                    WHERE decision.seq = exception_resolutions.seq AND decision.exception_no = exception_resolutions.exception_no);
COMMENT ON VIEW exception_outcomes IS 'What has become of an exception: decided, or resolved by a note. One without a row is open.';

CREATE TABLE exception_asks (
    tenant       text NOT NULL REFERENCES tenants,
    seq          bigint NOT NULL,
    exception_no smallint NOT NULL,
    note         text NOT NULL,
    sum_minor    bigint NOT NULL,
    asked_by     text NOT NULL,
    asked_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant, seq, exception_no)
);
COMMENT ON TABLE exception_asks IS 'Decisions to apply more than one person may alone: somebody else has to make the same one within 72 hours.';

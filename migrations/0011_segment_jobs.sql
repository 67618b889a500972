-- Long lists of a segment's members, written piece by piece: what is left to do, and how far it is.

SET LOCAL lock_timeout = '5s';

CREATE TABLE segment_jobs (
    tenant        text NOT NULL REFERENCES tenants,
    job_id        bigint GENERATED ALWAYS AS IDENTITY,
    segment       text NOT NULL,
    mode          text NOT NULL CHECK (mode IN ('ADD', 'REMOVE', 'REPLACE')),
    state         text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'DONE', 'CANCELLED', 'FAILED')),
    reason        text,
    add_ids       bigint[] NOT NULL,
    remove_ids    bigint[] NOT NULL,
    total_count   integer NOT NULL CHECK (total_count >= 0),
    done_count    integer NOT NULL DEFAULT 0 CHECK (done_count BETWEEN 0 AND total_count),
    changed_count integer NOT NULL DEFAULT 0,
    rows_count    integer NOT NULL,
    wrong_count   integer NOT NULL,
    problems      json NOT NULL,
    feed_version  bigint NOT NULL DEFAULT 0,
    created_by    text NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant, job_id)
);
CREATE INDEX segment_jobs_unfinished ON segment_jobs (tenant, job_id) WHERE state IN ('QUEUED', 'RUNNING');
COMMENT ON TABLE segment_jobs IS 'Uploads of members that the back office works off. Only ids of customers are kept, and only until the job has ended.';
COMMENT ON COLUMN segment_jobs.done_count IS 'So many of add_ids, then of remove_ids, are written; moved in the transaction that writes them.';

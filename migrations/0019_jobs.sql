-- One table of jobs: whatever takes longer than a page may wait. Uploads of members were the first kind, backtests are the second.
-- `segment_jobs` stays as a view, by which the version before goes on making, working off and cancelling its uploads.

SET LOCAL lock_timeout = '5s';

ALTER TABLE segment_jobs RENAME TO jobs;
ALTER INDEX segment_jobs_pkey RENAME TO jobs_pkey;
ALTER INDEX segment_jobs_unfinished RENAME TO jobs_unfinished;
ALTER TABLE jobs RENAME COLUMN segment TO subject;
ALTER TABLE jobs RENAME CONSTRAINT segment_jobs_state_check TO jobs_state_check;
ALTER TABLE jobs RENAME CONSTRAINT segment_jobs_mode_check TO jobs_mode_check;
ALTER TABLE jobs
    ALTER COLUMN mode DROP NOT NULL,
    ALTER COLUMN add_ids SET DEFAULT '{}',
    ALTER COLUMN remove_ids SET DEFAULT '{}',
    ALTER COLUMN rows_count SET DEFAULT 0,
    ALTER COLUMN wrong_count SET DEFAULT 0,
    ALTER COLUMN problems SET DEFAULT '[]',
    ADD COLUMN kind text NOT NULL DEFAULT 'SEGMENT_MEMBERS' CHECK (kind IN ('SEGMENT_MEMBERS', 'BACKTEST')),
    ADD COLUMN step text NOT NULL DEFAULT '',
    ADD COLUMN told text NOT NULL DEFAULT '',
    ADD COLUMN given json NOT NULL DEFAULT '{}',
    ADD COLUMN result json,
    ADD COLUMN attempts_count integer NOT NULL DEFAULT 1 CHECK (attempts_count > 0),
    ADD COLUMN holder text NOT NULL DEFAULT '',
    ADD COLUMN held_until timestamptz,
    ADD CHECK (kind <> 'SEGMENT_MEMBERS' OR mode IS NOT NULL);
CREATE INDEX jobs_by_subject ON jobs (tenant, kind, subject, job_id);

CREATE VIEW segment_jobs AS
SELECT tenant, job_id, subject AS segment, mode, state, reason, add_ids, remove_ids, total_count, done_count, changed_count, rows_count,
       wrong_count, problems, feed_version, created_by, created_at, updated_at
  FROM jobs WHERE kind = 'SEGMENT_MEMBERS';

COMMENT ON VIEW segment_jobs IS 'For the version before, which knows no other jobs.';
COMMENT ON TABLE jobs IS
    'Work the back office does behind a page. Of uploads only ids of customers are kept, and until the job is DONE or forgotten, so that a stopped one can go on.';
COMMENT ON COLUMN jobs.subject IS 'What it is about: a segment, or a promotion.';
COMMENT ON COLUMN jobs.done_count IS
    'How far it is. Of an upload: so many of add_ids, then of remove_ids, are written; moved in the transaction that writes them.';
COMMENT ON COLUMN jobs.given IS 'What was asked for, complete: a job reads nothing else of its maker.';
COMMENT ON COLUMN jobs.told IS 'Why it FAILED, in the words of what failed; reason is the code.';
COMMENT ON COLUMN jobs.holder IS 'Which process works at it, until held_until; it says so anew every second. Uploads need none: a slice is a transaction.';

-- How many calls a server has answered lately, and how fast: for people who look at it in the back office.

SET LOCAL lock_timeout = '5s';

ALTER TABLE server_status ADD COLUMN pulse jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN server_status.pulse IS
    'The last minutes in intervals of some seconds, oldest first: at (its end), elapsed_ms, and of each method called calls_count, refused_count, p50_us and p99_us.';

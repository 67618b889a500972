-- A candidate release beside the live one: another kind of job. Which kinds there are is the code's to say.

SET LOCAL lock_timeout = '5s';

ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_kind_check CHECK (kind ~ '^[A-Z][A-Z_]{0,39}$');
CREATE INDEX jobs_by_candidate ON jobs (tenant, (given ->> 'sha256'), job_id) WHERE kind = 'SHADOW';

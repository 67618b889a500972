-- The journal: what money was moved, by whom it was decided, and what was answered. Written by processing servers only.
--
-- One row is one operation. Rows are never changed. Per shard `seq` runs from 1 without gaps and `hash` chains the rows:
-- SHA-256(hash of seq − 1 ‖ seq ‖ epoch ‖ body), 32 zero bytes before the first (docs/decisions/0005, 0006).
--
-- To write: a connection that has `altyn.shard` set copies a batch into the partition of its seqs, one COPY in autocommit:
--
--   SET altyn.shard = '0';
--   COPY journal_000000 (shard, seq, epoch, …) FROM STDIN (FORMAT binary);
--
-- The partition's guard runs in that same transaction. It lets the batch pass only if its epoch is the owner's and its seqs go on
-- where the shard ended (else SQLSTATE AL001), and enters its ids in `operations`, where each may stand only once.
-- Partitions are made ahead by journal_make_partition(number); partition n holds seqs from n × 4194304 + 1 on.

SET LOCAL lock_timeout = '5s';

CREATE TABLE shard_owner (
    shard       smallint PRIMARY KEY CHECK (shard >= 0),
    epoch       bigint NOT NULL CHECK (epoch >= 1),
    instance_id text NOT NULL,
    pid         integer NOT NULL,
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seq    bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
COMMENT ON TABLE shard_owner IS 'Who may write a shard''s journal. Taking over raises the epoch; a batch of an older epoch is refused.';
COMMENT ON COLUMN shard_owner.pid IS 'PostgreSQL backend of the owner''s writing connection, to be ended by whoever takes over.';
COMMENT ON COLUMN shard_owner.last_seq IS 'The last seq written; moved by the guard. A journal that ends before it has lost rows.';

CREATE TABLE journal (
    seq         bigint   NOT NULL,
    epoch       bigint   NOT NULL,
    instant_us  bigint   NOT NULL,
    shard       smallint NOT NULL,
    kind        smallint NOT NULL,
    op_id       uuid     NOT NULL,
    receipt_key uuid,
    natural_key uuid,
    hash        bytea    NOT NULL,
    body        bytea    NOT NULL,
    PRIMARY KEY (shard, seq)
) PARTITION BY RANGE (seq);
COMMENT ON COLUMN journal.body IS 'altyn.journal.v1.Record: request, evidence, effects and reply. Never altered.';
COMMENT ON COLUMN journal.receipt_key IS 'Digest of tenant, store, register, shift and receipt number; null when the operation is about no receipt.';
COMMENT ON COLUMN journal.natural_key IS 'Digest of receipt_key, kind and op_no; null when another operation has it already (semantics §6.8).';

-- Bodies do not compress well enough to be worth it, and below 8 kB they stay in the row.
ALTER TABLE journal ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN hash SET STORAGE PLAIN;

CREATE TABLE operations (
    op_id       uuid PRIMARY KEY,
    receipt_key uuid,
    natural_key uuid,
    seq         bigint   NOT NULL,
    shard       smallint NOT NULL,
    CHECK (natural_key IS NULL OR receipt_key IS NOT NULL)
);
COMMENT ON TABLE operations IS 'Every operation ever, by its two unique keys; not partitioned, for uniqueness must not end with a partition.';
-- One index for both questions: is the natural key taken, and what happened to the receipt.
CREATE UNIQUE INDEX operations_receipt ON operations (receipt_key, natural_key) WHERE receipt_key IS NOT NULL;

CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'copy into the partition, not into journal' USING ERRCODE = 'AL001';
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON journal FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();

CREATE FUNCTION journal_make_partition(number bigint) RETURNS void LANGUAGE plpgsql AS $make$
DECLARE
    part text := 'journal_' || lpad(number::text, 6, '0');
    seq_from bigint := number * 4194304 + 1;
    seq_to bigint := (number + 1) * 4194304 + 1;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('journal_make_partition'));
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE journal INCLUDING STORAGE, PRIMARY KEY (shard, seq),
        CONSTRAINT bounds CHECK (seq >= %s AND seq < %s)) WITH (toast_tuple_target = 8160)', part, seq_from, seq_to);
    -- A function of its own for every partition keeps its plans prepared. The batch is read back by the primary key, which
    -- costs less than a transition table that would copy every body; the settings keep it on that index, whatever the
    -- statistics say.
    EXECUTE format($guard$
        CREATE FUNCTION %2$I() RETURNS trigger LANGUAGE plpgsql
        SET enable_seqscan = off SET enable_bitmapscan = off AS $body$
        DECLARE
            mine smallint := current_setting('altyn.shard')::smallint;
            owner shard_owner%%ROWTYPE;
            fresh record;
        BEGIN
            SELECT * INTO owner FROM shard_owner WHERE shard = mine FOR UPDATE;
            WITH rows AS (
                SELECT op_id, receipt_key, natural_key, seq, shard, epoch FROM %1$I WHERE shard = mine AND seq > owner.last_seq
            ), entered AS (
                INSERT INTO operations (op_id, receipt_key, natural_key, seq, shard)
                SELECT op_id, receipt_key, natural_key, seq, shard FROM rows
            )
            SELECT min(seq) AS first, max(seq) AS last, count(*) AS count, min(epoch) AS low, max(epoch) AS high
              INTO fresh FROM rows;
            IF fresh.low IS DISTINCT FROM owner.epoch OR fresh.high <> owner.epoch THEN
                RAISE EXCEPTION 'epoch %% does not own shard %%: %% does', fresh.low, mine, owner.epoch USING ERRCODE = 'AL001';
            END IF;
            IF fresh.first <> owner.last_seq + 1 OR fresh.last - fresh.first + 1 <> fresh.count THEN
                RAISE EXCEPTION 'seqs %% to %% do not go on after %%', fresh.first, fresh.last, owner.last_seq
                    USING ERRCODE = 'AL001';
            END IF;
            UPDATE shard_owner SET last_seq = fresh.last WHERE shard = mine;
            RETURN NULL;
        END $body$
    $guard$, part, part || '_guard');
    EXECUTE format('CREATE TRIGGER guard AFTER INSERT ON %I FOR EACH STATEMENT EXECUTE FUNCTION %I()', part, part || '_guard');
    EXECUTE format('ALTER TABLE journal ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', part, seq_from, seq_to);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT bounds', part);
END $make$;
COMMENT ON FUNCTION journal_make_partition IS 'Makes partition `number` with its guard, unless it is there. Readers and writers go on meanwhile.';

SELECT journal_make_partition(0), journal_make_partition(1);
